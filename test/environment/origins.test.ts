import { createFal, readEnvironment } from "fal-chain";
import { describe, expect, test } from "vitest";
import { isTrusted } from "../../src/environment/origins.ts";
import { ENV, failureOf } from "../support/setup.ts";

const originsOf = (env: Record<string, string>, allowHttp = false) =>
  readEnvironment(env, { allowHttp }).origins;

const FAL = {
  queue: "https://queue.fal.run",
  run: "https://fal.run",
  rest: "https://rest.fal.ai",
  api: "https://api.fal.ai/v1",
};
const onePlace = (base: string) => ({
  queue: `${base}/queue`,
  run: `${base}/run`,
  rest: `${base}/rest`,
  api: `${base}/api/v1`,
});

test.each<[string, Record<string, string>, object]>([
  ["nothing", {}, FAL],
  ["an empty FAL_HOST", { FAL_HOST: " " }, FAL],
  ["api.fal.ai", { FAL_HOST: "api.fal.ai" }, FAL],
  ["https://api.fal.ai", { FAL_HOST: "https://api.fal.ai/" }, FAL],
  ["API.FAL.AI", { FAL_HOST: "API.FAL.AI" }, FAL],
  ["api.alpha.fal.ai", { FAL_HOST: "api.alpha.fal.ai" }, { ...FAL, rest: "https://rest.alpha.fal.ai" }],
  [
    "another deployment",
    { FAL_HOST: "api.shark.fal.ai" },
    {
      queue: "https://queue.shark.fal.run",
      run: "https://shark.fal.run",
      rest: "https://rest.shark.fal.ai",
      api: "https://api.shark.fal.ai/v1",
    },
  ],
  ["a loopback address", { FAL_HOST: "127.0.0.1:8787" }, onePlace("http://127.0.0.1:8787")],
  ["localhost", { FAL_HOST: "localhost:80" }, onePlace("http://localhost")],
  ["IPv6 loopback", { FAL_HOST: "[::1]:9" }, onePlace("http://[::1]:9")],
  ["a loopback URL", { FAL_HOST: "https://127.0.0.1:1/" }, onePlace("https://127.0.0.1:1")],
  ["a full URL", { FAL_HOST: "https://fal.corp.test/base/" }, onePlace("https://fal.corp.test/base")],
  ["a queue host", { FAL_QUEUE_RUN_HOST: "q.corp.test" }, { ...FAL, queue: "https://q.corp.test" }],
  ["a rest host", { FAL_REST_HOST: "rest.alpha.fal.ai" }, { ...FAL, rest: "https://rest.alpha.fal.ai" }],
  [
    "a run host, which gives the queue's",
    { FAL_RUN_HOST: "shark.fal.run" },
    { ...FAL, run: "https://shark.fal.run", queue: "https://queue.shark.fal.run" },
  ],
  [
    "explicit hosts beside FAL_HOST",
    { FAL_HOST: "127.0.0.1:1", FAL_QUEUE_RUN_HOST: "queue.fal.run" },
    { ...onePlace("http://127.0.0.1:1"), queue: "https://queue.fal.run" },
  ],
])("%s gives exact origins", (_, env, expected) => {
  const { trusted, ...bases } = originsOf(env);
  expect(bases).toEqual(expected);
  const known = Object.values(bases).map((base) => new URL(base).origin);
  // fal's own second names of two of its hosts.
  const others = [
    ...(known.includes("https://queue.fal.run") ? ["https://queue.falrun.com"] : []),
    ...(known.includes("https://fal.run") ? ["https://falrun.com"] : []),
  ];
  expect(trusted).toEqual(new Set([...known, ...others]));
});

describe("a bad host", () => {
  const BAD: [string, RegExp][] = [
    ["http://fal.corp.test", /plain http.*unencrypted.*allowHttp/],
    ["http://api.fal.ai", /plain http/],
    ["ftp://api.fal.ai", /scheme ftp/],
    ["https://user:hunter2@api.fal.ai", /user name or a password/],
    ["user@api.fal.ai", /user name or a password/],
    ["https://api.fal.ai/?x=1", /query/],
    ["https://api.fal.ai/#x", /fragment/],
    ["api.fal.ai/v1", /path without a scheme/],
    ["fal.ai", /does not begin with api\./],
    ["evilapi.fal.ai", /does not begin with api\./],
    ["https://", /not a host/],
    ["a b", /not a host/],
    ["api\u0007.fal.ai", /control characters/],
  ];
  test.each(BAD)("such as %j is named, with its fault and the cure", (value, fault) => {
    expect(() => originsOf({ FAL_HOST: value })).toThrow(fault);
    expect(() => originsOf({ FAL_HOST: value })).toThrow(
      expect.objectContaining({
        code: "invalid_variable",
        variable: "FAL_HOST",
        message: expect.stringMatching(/^FAL_HOST .*\. (Set|Correct) it/),
      }),
    );
    expect(() => originsOf({ FAL_HOST: value })).not.toThrow(/hunter2/);
  });

  test.each(["FAL_RUN_HOST", "FAL_QUEUE_RUN_HOST", "FAL_REST_HOST"])("is named in %s too", (variable) => {
    expect(() => originsOf({ [variable]: "http://evil.test" })).toThrow(`${variable} uses plain http`);
  });

  test("stops a call before anything is sent", async () => {
    const fal = createFal({
      env: { ...ENV, FAL_HOST: "http://evil.test" },
      fetch: () => Promise.reject(new Error("something was sent")),
    });
    const error = await failureOf(fal.subscribe("acme/echo", { input: {} }));
    expect(error).toMatchObject({ name: "EnvironmentError", variable: "FAL_HOST" });
  });

  test("plain http is let through by an explicit option only", () => {
    expect(originsOf({ FAL_HOST: "http://fal.corp.test" }, true).queue).toBe("http://fal.corp.test/queue");
  });
});

test.each([
  ["https://queue.fal.run/x", true],
  ["https://queue.fal.run:443/x", true],
  ["https://QUEUE.fal.run/x", true],
  ["https://evilfal.run/x", false],
  ["https://evil.fal.run/x", false],
  ["https://queue.fal.run.evil.test/x", false],
  ["https://queue.fal.run@evil.test/x", false],
  ["https://a:b@queue.fal.run/x", false],
  ["https://a@queue.fal.run/x", false],
  ["https://queue.fal.run:444/x", false],
  ["http://queue.fal.run/x", false],
  ["https://queue.fal.run./x", false],
  ["https://queue.fal.run\\@evil.test/x", true],
  ["https://evil.test\\@queue.fal.run/x", false],
  ["queue.fal.run", false],
  ["data:text/plain,x", false],
  ["", false],
])("%j may have the key: %s", (url, may) => {
  expect(isTrusted(url, originsOf({}).trusted)).toBe(may);
});
