import { defineApp } from "fal-chain/app";
import { expect, test } from "vitest";
import * as z from "zod";
import { ECHO } from "../support/setup.ts";
import { post, read, site } from "./support.ts";

const shouting = (options: { maxBodyBytes?: number; health?: () => unknown } = {}) =>
  defineApp({
    name: "shout",
    version: "1.2.3",
    logger: { warn() {} },
    endpoints: {
      "/": { run: false, input: z.object({ text: z.string() }), handler: ({ text }) => text.toUpperCase() },
      "/image/draw": {
        run: false,
        handler: () => new Response("png", { headers: { "content-type": "image/png" } }),
      },
    },
    ...options,
  });

test("a path and a method that there are not cost nothing", async () => {
  const app = shouting();
  expect(await read(await post(app, "/nope", {}))).toEqual({
    ...{ status: 404, body: { detail: "Path /nope not found" }, units: "0", retry: null, stop: null },
  });
  const get = await app.fetch(new Request("http://app.test/"));
  expect(get.headers.get("allow")).toBe("POST");
  expect(await read(get)).toMatchObject({ status: 405, units: "0" });
});

test("health is told by GET and POST, with the version, and an app that is not well says so", async () => {
  for (const method of ["GET", "POST"]) {
    const answer = await shouting().fetch(new Request("http://app.test/health", { method }));
    expect(await read(answer)).toMatchObject({ status: 200, body: { version: "1.2.3" } });
  }
  const ill = shouting({
    health: () => {
      throw new Error("The model does not answer.");
    },
  });
  const answer = await ill.fetch(new Request("http://app.test/health"));
  expect(await read(answer)).toMatchObject({ status: 503, body: { detail: "The app is not well." } });
});

test("every page may ask, as of fal's own apps", async () => {
  const headers = { origin: "https://page.test", "access-control-request-method": "POST" };
  const asked = { ...headers, "access-control-request-headers": "content-type,x-mine" };
  const answer = await shouting().fetch(
    new Request("http://app.test/", { method: "OPTIONS", headers: asked }),
  );
  expect(answer.status).toBeLessThan(300);
  expect(answer.headers.get("access-control-allow-origin")).toBe("*");
  expect(answer.headers.get("access-control-allow-headers")).toBe("content-type,x-mine");
  expect(answer.headers.get("access-control-allow-methods")).toContain("POST");
  const given = await post(shouting(), "/", { text: "a" }, { headers: { origin: "https://page.test" } });
  expect(given.headers.get("access-control-allow-origin")).toBe("*");
});

test("a body that is no JSON, or does not match, is said field by field", async () => {
  const app = shouting();
  expect(await read(await post(app, "/", "{"))).toMatchObject({
    status: 422,
    units: "0",
    body: { detail: [{ type: "json_invalid", loc: ["body"] }] },
  });
  expect(await read(await post(app, "/", ""))).toMatchObject({
    body: { detail: [{ type: "missing", loc: ["body", "text"] }] },
  });
  expect(await read(await post(app, "/", "[]"))).toMatchObject({ body: { detail: [{ loc: ["body"] }] } });
});

test("problems have fal's own kinds, with what they are measured by", async () => {
  const input = z.object({
    name: z.string().min(3).max(5),
    n: z.number().gt(1).lte(9).multipleOf(2),
    tags: z.array(z.string()).min(1),
    size: z.enum(["small", "large"]),
    deep: z.object({ list: z.array(z.object({ url: z.url() })) }),
  });
  const endpoints = { "/": { run: false, input, handler: () => "ok" } };
  const app = defineApp({ name: "strict", endpoints, logger: { warn() {} } });
  const bad = { name: "ab", n: 11, tags: [], size: "huge", deep: { list: [{ url: "nowhere" }] } };
  const { body } = await read(await post(app, "/", bad));
  const said = (body as { detail: { loc: string[]; type: string; ctx?: object }[] }).detail.map(
    ({ loc, type, ctx }) => [loc.slice(1).join("."), type, ctx],
  );
  expect(said).toEqual([
    ["name", "string_too_short", { min_length: 3 }],
    ["n", "less_than_equal", { le: 9 }],
    ["n", "multiple_of", { multiple_of: 2 }],
    ["tags", "sequence_too_short", { min_length: 1 }],
    ["size", "one_of", { expected: ["small", "large"] }],
    ["deep.list.0.url", "invalid_format", undefined],
  ]);
  expect(JSON.stringify(body)).not.toContain("nowhere");
});

test("a body that is nested too deeply is refused, in the form of fal's own apps", async () => {
  const endpoints = { "/": { run: false, handler: (input: unknown) => input } };
  const app = defineApp({ name: "echo", endpoints, logger: { warn() {} } });
  const nested = (levels: number) => `{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`;
  const ask = async (levels: number) => {
    const answer = await app.fetch(new Request("http://app/", { method: "POST", body: nested(levels) }));
    return { status: answer.status, text: await answer.text() };
  };
  expect(await ask(499)).toEqual({ status: 200, text: nested(499) });
  for (const levels of [500, 100_000]) {
    expect(await ask(levels)).toMatchObject({ status: 422, text: expect.stringContaining("json_invalid") });
  }
});

test("a body that is too long is answered, whatever it says of its length", async () => {
  const app = shouting({ maxBodyBytes: 100 });
  const text = "a".repeat(200);
  expect(await read(await post(app, "/", { text }, { headers: { "content-length": "211" } }))).toMatchObject({
    status: 413,
    units: "0",
  });
  for (const headers of [{}, { "content-length": "5" }, { "content-length": "-1" }]) {
    expect((await post(app, "/", { text }, { headers })).status).toBe(413);
  }
  expect((await post(app, "/", { text: "a" })).status).toBe(200);
});

test("a response of a handler's own is handed over, with what its reply says besides", async () => {
  const answer = await post(shouting(), "/image/draw", {});
  expect([answer.headers.get("content-type"), await answer.text()]).toEqual(["image/png", "png"]);
});

test("headers that fal would fail the answer for are left out, the longest first, and that is told", async () => {
  const { fal, logger, log } = site();
  const app = defineApp({
    name: "poster",
    ...{ fal, logger },
    endpoints: {
      "/": {
        handler: (_, { reply }) => {
          reply.headers.set("x-long", "a".repeat(12_000));
          reply.headers.set("x-longer", "a".repeat(14_000));
          reply.headers.set("x-short", "a");
          reply.hints.push("flux", "sdxl");
          reply.billableUnits = 1.25;
          reply.stopRunner = true;
          reply.status = 201;
          return "done";
        },
      },
    },
  });
  const answer = await post(app, "/", {});
  expect([...answer.headers.keys()]).not.toContain("x-longer");
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    "x-short": "a",
    "x-long": expect.any(String),
    "x-fal-runner-hints": "flux,sdxl",
    "x-fal-billable-units": "1.25000000",
    "x-fal-stop-runner": "1",
  });
  expect(answer.status).toBe(201);
  expect(log).toContainEqual(expect.objectContaining({ level: "error", headers: ["x-longer"] }));
});

const TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-00f067aa0ba902b7-01";

test.each([
  ["the body", { trace_context: { traceparent: TRACE } }, {}],
  ["the header, which wins", { trace_context: { traceparent: OTHER } }, { traceparent: TRACE }],
] as const)(
  "the trace of an app of our own is taken from %s, and goes on to the next",
  async (_, body, more) => {
    const { fal, emulator, logger } = site({ ownAccounts: ["us"] });
    const app = defineApp({
      name: "poster",
      ...{ fal, logger },
      endpoints: { "/": { handler: async () => (await fal.subscribe(ECHO, { input: {} })).data } },
    });
    const headers = { "x-fal-request-id": "request-1", "x-fal-caller-user-id": "us", ...more };
    expect((await post(app, "/", body, { headers })).status).toBe(200);
    expect(emulator.jobs[0]?.headers["traceparent"]).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-/);
  },
);

test.each(["x".repeat(5_000), "a\tb", "a\u0085b"])(
  "an id that is none of fal's takes part in nothing",
  async (id) => {
    const { fal, emulator, logger, log } = site();
    const app = defineApp({
      name: "poster",
      ...{ fal, logger },
      endpoints: {
        "/": {
          handler: async (_, { log, requestId }) => {
            log.info({ n: 1 }, "Working");
            await fal.subscribe(ECHO, { input: {} });
            return requestId;
          },
        },
      },
    });
    const { body } = await read(await post(app, "/", {}, { headers: { "x-fal-request-id": id } }));
    expect(body).toMatch(/^[\da-f-]{36}$/);
    expect(log).toContainEqual(
      expect.objectContaining({ msg: "Working", n: 1, request: body, app: "acme/poster" }),
    );
    expect(JSON.stringify([log, emulator.jobs])).not.toContain(JSON.stringify(id));
  },
);

test.each([
  ["none", {}, /at least one endpoint/],
  ["no path", { draw: { handler: () => 1 } }, /begins with "\/"/],
  ["one that an app has", { "/health": { handler: () => 1 } }, /an app has that by itself/],
  ["one that cancels another", { "/a": { handler: () => 1 }, "/a/cancel": { handler: () => 1 } }, /cancels/],
  ["one that no request is for", { "/a/../b": { handler: () => 1 } }, /no request is for such a path/],
  ["no handler", { "/": {} as { handler: () => number } }, /needs a handler/],
])("paths that cannot be meant are said: %s", (_, endpoints, message) => {
  expect(() => defineApp({ name: "x", endpoints } as never)).toThrow(message);
});

test("options that cannot be meant are said", () => {
  const endpoints = { "/": { handler: () => 1 } };
  expect(() => defineApp({ name: "", endpoints })).toThrow(/name is ""/);
  expect(() => defineApp({ name: "x", endpoints, tearDown: () => {} } as never)).toThrow(
    /Did you mean "teardown"/,
  );
});
