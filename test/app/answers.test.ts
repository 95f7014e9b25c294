import { InvalidArgumentError } from "fal-chain";
import { AppError, type Context, defineApp, FieldError } from "fal-chain/app";
import { expect, test } from "vitest";
import { post, site } from "./support.ts";

/** What an app answers whose handler does this, and how its run ended. */
async function answerTo(handler: (context: Context) => unknown) {
  const { fal, logger, log } = site();
  const app = defineApp({
    name: "poster",
    fal,
    logger,
    endpoints: { "/": { handler: async (_, c) => handler(c) } },
  });
  const response = await post(app, "/", {});
  const { status, headers } = response;
  return { status, units: headers.get("x-fal-billable-units"), headers, text: await response.text(), log };
}

const fails =
  (units: number | undefined, error: () => Error) =>
  ({ reply }: Context) => {
    reply.billableUnits = units;
    throw error();
  };

test.each([
  [
    "units of the error before those of the reply",
    fails(5, () => new AppError(404, "No.", { billableUnits: 0 })),
    "0",
  ],
  ["those of the reply before what is usual", fails(5, () => new FieldError("prompt", "is rude")), "5"],
  ["those of the reply, of an error that says none", fails(5, () => new AppError(409, "No.")), "5"],
  ["what is usual, where nobody says any", fails(undefined, () => new FieldError("prompt", "is rude")), "0"],
] as const)("an error is charged: %s", async (_, handler, units) => {
  expect(await answerTo(handler)).toMatchObject({ units });
});

test.each([404, 405, 422])(
  "an answer of a handler's own with %i is free, unless it says otherwise",
  async (status) => {
    const own = (headers: Record<string, string>) => () => new Response("No.", { status, headers });
    const said = ({ reply }: Context) => {
      reply.status = status;
      return "No.";
    };
    expect(await answerTo(own({}))).toMatchObject({ status, units: "0" });
    expect(await answerTo(said)).toMatchObject({ status, units: "0" });
    expect(await answerTo(own({ "x-fal-billable-units": "2" }))).toMatchObject({ status, units: "2" });
    expect(await answerTo(() => new Response("Yes."))).toMatchObject({ status: 200, units: null });
  },
);

test.each([204, 205, 304])("an answer with the status %i has no body", async (status) => {
  const given = await answerTo(({ reply }) => {
    reply.status = status;
    return { what: "is not said" };
  });
  expect(given).toMatchObject({ status, text: "" });
});

test.each([0, 99, 101, 600, 200.5, Number.NaN])(
  "a status that no answer has is refused where it is set: %s",
  async (status) => {
    let error: unknown;
    await answerTo(({ reply }) => {
      try {
        reply.status = status;
      } catch (refused) {
        error = refused;
      }
    });
    expect(error).toBeInstanceOf(InvalidArgumentError);
  },
);

test.each([
  ["a function", () => () => {}],
  ["a symbol", () => Symbol("picture")],
  ["what says that it is nothing", () => ({ toJSON: () => undefined })],
])("what JSON has no word for is null: %s", async (_, handler) => {
  expect(await answerTo(handler)).toMatchObject({ status: 200, text: "null" });
});

test("units are written in digits, however many", async () => {
  const given = await answerTo(({ reply }) => {
    reply.billableUnits = 1e22;
  });
  expect(given.units).toBe("10000000000000000000000");
});

test("a hint that no header can hold is left out, and the answer is not lost", async () => {
  const given = await answerTo(({ reply }) => {
    reply.hints.push("flux", "絵", "a\nb");
    return "paid for";
  });
  expect(given).toMatchObject({ status: 200, text: '"paid for"' });
  expect(given.headers.get("x-fal-runner-hints")).toBe("flux");
});

test("each cookie is a header by itself, and too many of them are left out", async () => {
  const cookies = ["a=1; Path=/", "b=2; HttpOnly"];
  const answering = (answer: unknown, given = cookies) =>
    answerTo(({ reply }) => {
      for (const cookie of given) reply.headers.append("set-cookie", cookie);
      return answer;
    });
  expect((await answering("yes")).headers.getSetCookie()).toEqual(cookies);
  const own = new Response("yes", { headers: { "set-cookie": "own=1" } });
  expect((await answering(own)).headers.getSetCookie()).toEqual(["own=1", ...cookies]);
  const refused = new AppError(409, "no", { headers: { "set-cookie": "own=1" } });
  const failing = await answerTo(() => Promise.reject(refused));
  expect(failing.headers.getSetCookie()).toEqual(["own=1"]);
  const long = [9_000, 8_000, 10].map((size) => "x".repeat(size));
  const { headers, log } = await answering("yes", long);
  expect(headers.getSetCookie()).toEqual(long.slice(1));
  expect(JSON.stringify(log)).toContain("set-cookie");
});

test("headers of the connection are the server's", async () => {
  const given = await answerTo(({ reply }) => {
    reply.headers.set("content-length", "9999");
    reply.headers.set("transfer-encoding", "chunked");
    return "whole";
  });
  expect(given.text).toBe('"whole"');
  expect([...given.headers.keys()]).not.toEqual(expect.arrayContaining(["content-length"]));
  expect(given.headers.has("transfer-encoding")).toBe(false);
});

test.each([true, false])(
  "what came by fetch is handed on as it was decoded; within a run: %s",
  async (run) => {
    const { fal, logger } = site();
    const fetched = new Response("decoded", {
      headers: { "content-encoding": "gzip", "content-length": "9", etag: "1" },
    });
    Object.defineProperty(fetched, "url", { value: "https://example.com/a" });
    const app = defineApp({
      name: "poster",
      fal,
      logger,
      endpoints: { "/": { run, handler: async () => fetched } },
    });
    const answer = await post(app, "/", {});
    expect(Object.fromEntries(answer.headers)).toMatchObject({ etag: "1" });
    expect(answer.headers.has("content-encoding")).toBe(false);
    expect(answer.headers.has("content-length")).toBe(false);
    expect(await answer.text()).toBe("decoded");
  },
);

test.each([
  { headers: { "x-what": "絵" } },
  { headers: { "bad name": "1" } },
  { billableUnits: Number.NaN },
  { billableUnits: -1 },
])("an error with what cannot be sent is refused where it is made: %o", (options) => {
  expect(() => new AppError(400, "No.", options)).toThrow(InvalidArgumentError);
});

test.each([
  ["an event that JSON cannot say", 200, () => 1n],
  ["a stream that has no body", 204, () => 1],
])("a stream that breaks ends its generator, and the run with it: %s", async (_, status, event) => {
  const { fal, logger } = site();
  let isCleared = false;
  const handler = async function* (_: unknown, { reply }: Context) {
    reply.status = status;
    try {
      yield event();
    } finally {
      isCleared = true;
    }
  };
  const app = defineApp({ name: "poster", fal, logger, endpoints: { "/": { handler } } });
  const headers = { "x-fal-request-id": "request-1" };
  const answer = await post(app, "/", {}, { headers });
  await answer.text().catch(() => {});
  expect(isCleared).toBe(true);
});

test("a start that fails is answered as any failure is, and told without secrets", async () => {
  const { fal, logger, log } = site();
  const setup = () => {
    throw new Error("cannot log in with s3cr3t-0123456789abcdef");
  };
  const app = defineApp({
    name: "poster",
    fal,
    logger,
    setup,
    endpoints: { "/": { handler: async () => 1 } },
  });
  const answer = await post(app, "/", {});
  expect(answer.status).toBe(500);
  expect(await answer.json()).toEqual({ detail: "Internal Server Error" });
  const told = log.find(({ level }) => level === "error");
  expect(told).toMatchObject({ err: { message: "cannot log in with …" } });
});

test.each(["never started", "could not start", "is stopped twice"])(
  "what has not started is not stopped, and nothing is twice: an app that %s",
  async (how) => {
    const { fal, logger } = site();
    const happened: string[] = [];
    const app = defineApp({
      ...{ name: "poster", fal, logger },
      setup() {
        happened.push("setup");
        if (how === "could not start") throw new Error("No.");
      },
      teardown: () => void happened.push("teardown"),
      endpoints: { "/": { handler: async () => 1 } },
    });
    if (how !== "never started") await post(app, "/", {});
    await Promise.all([app.stop(), app.stop()]);
    expect(happened).toEqual(
      { "never started": [], "could not start": ["setup"], "is stopped twice": ["setup", "teardown"] }[how],
    );
  },
);

test("a stream that heeds no signal ends with its runner", async () => {
  const { fal, logger } = site();
  const handler = async function* () {
    for (;;) yield 1;
  };
  const app = defineApp({ name: "poster", fal, logger, endpoints: { "/": { run: false, handler } } });
  const answer = await post(app, "/", {});
  const reading = answer.text();
  await app.stop();
  expect(await reading).toContain("event: error");
});
