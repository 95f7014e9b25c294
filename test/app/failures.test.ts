import { InvalidArgumentError } from "fal-chain";
import { AppError, defineApp, FieldError, retryElsewhere, stopRunner } from "fal-chain/app";
import { ModelFailure } from "fal-chain/emulator";
import { expect, test } from "vitest";
import * as z from "zod";
import { echo } from "../support/models.ts";
import { ECHO } from "../support/setup.ts";
import { post, read, site } from "./support.ts";

/** What an app answers whose handler does this. */
async function answerTo(
  handler: (tools: ReturnType<typeof site>) => unknown,
  { passOn = false, ...options }: NonNullable<Parameters<typeof site>[0]> & { passOn?: boolean } = {},
) {
  const tools = site(options);
  const { fal, logger, log } = tools;
  const app = defineApp({
    name: "poster",
    ...{ fal, logger },
    endpoints: { "/": { passOn, handler: async () => handler(tools) } },
  });
  return { ...(await read(await post(app, "/", {}))), log };
}

const fails = (error: () => unknown) => () => {
  throw error();
};

test.each([
  ["a status", () => new AppError(404, "There is no such picture."), { status: 404, units: "0" }],
  ["a status that is charged", () => new AppError(403, "No."), { status: 403, units: null }],
  ["units of its own", () => new AppError(422, "No.", { billableUnits: 2 }), { status: 422, units: "2" }],
  ["a free 409", () => new AppError(409, "Busy.", { billableUnits: 0 }), { status: 409, units: "0" }],
  ["another runner", () => retryElsewhere("Full."), { status: 500, retry: "1", stop: null }],
  ["another runner, 429", () => retryElsewhere("Busy.", { status: 429 }), { status: 429, retry: "1" }],
  ["no other runner", () => new AppError(503, "No.", { retry: false }), { status: 503, retry: "0" }],
  ["a broken runner", () => stopRunner("Stuck."), { status: 500, retry: null, stop: "1" }],
  ["a broken runner, 404", () => stopRunner("Stuck.", { status: 404 }), { status: 404, stop: "1" }],
  ["both", () => stopRunner("Stuck.", { retry: true }), { status: 500, retry: "1", stop: "1" }],
] as const)("what an author throws is answered as it says: %s", async (_, error, expected) => {
  const { body, ...answer } = await answerTo(fails(error));
  expect(answer).toMatchObject(expected);
  expect(body).toEqual({ detail: error().message });
});

test("a field that is wrong is said in fal's form", async () => {
  const error = () =>
    new FieldError(["items", 0, "url"], "is not ours", { type: "value_error", ctx: { host: "a" } });
  expect(await answerTo(fails(error))).toMatchObject({
    status: 422,
    units: "0",
    body: {
      detail: [
        { loc: ["body", "items", 0, "url"], msg: "is not ours", type: "value_error", ctx: { host: "a" } },
      ],
    },
  });
});

test.each([400, 404, 422, 428])("a wish that fal ignores is refused: another runner with %i", (status) => {
  expect(() => retryElsewhere("No.", { status })).toThrow(InvalidArgumentError);
  expect(() => new AppError(status, "No.", { retry: false })).toThrow(/ignores X-Fal-Needs-Retry/);
});

test.each([200, 302, 600, 4.5])("a status that is none of an error is refused: %s", (status) => {
  expect(() => new AppError(status, "No.")).toThrow(InvalidArgumentError);
  expect(() => stopRunner("No.", { status })).toThrow(InvalidArgumentError);
});

test("what nobody expected tells its caller nothing, and the log everything but secrets", async () => {
  const { status, body, units, log } = await answerTo(
    fails(() => new Error("cannot open /data/k3y-id-0a1b2c:s3cr3t-0123456789abcdef")),
  );
  expect({ status, body, units }).toEqual({
    status: 500,
    body: { detail: "Internal Server Error" },
    units: null,
  });
  expect(log).toContainEqual(
    expect.objectContaining({
      ...{ level: "error", msg: "Request has failed", app: "acme/poster", job_id: "runner-1", path: "/" },
      request: expect.any(String),
      err: expect.objectContaining({
        message: expect.stringMatching(/^cannot open \/data\/…:…|^cannot open/),
      }),
    }),
  );
  expect(JSON.stringify(log)).not.toContain("s3cr3t-0123456789abcdef");
});

const REFUSAL = [
  { loc: ["body", "prompt"], msg: "rude", type: "content_policy_violation", input: "secret", url: "" },
];

/** A model that says no. */
const failing = (status: number, detail: unknown) => ({
  emulator: {
    models: [
      {
        ...echo(),
        run: async () => {
          throw new ModelFailure(status, detail as never);
        },
      },
    ],
  },
});

test.each([
  ["a model's 422", failing(422, REFUSAL), 400, "downstream_service_error", null],
  [
    "a model's 500",
    failing(500, [{ ...REFUSAL[0], type: "internal_server_error" }]),
    500,
    "downstream_service_unavailable",
    null,
  ],
  [
    "a network",
    { wire: () => Promise.reject(new TypeError("fetch failed")) },
    500,
    "downstream_service_unavailable",
    null,
  ],
] as const)("a call's failure is the app's own affair: %s", async (_, options, status, type, retry) => {
  const answer = await answerTo(({ fal }) => fal.subscribe(ECHO, { input: {} }), {
    retry: { maxRetries: 0 },
    ...options,
  } as never);
  expect(answer).toMatchObject({ status, units: "0", retry, body: { detail: [{ loc: ["body"], type }] } });
});

test("a model's 422 is the app's own where that is asked for, without the input that it quotes", async () => {
  const { body, ...answer } = await answerTo(({ fal }) => fal.subscribe(ECHO, { input: {} }), {
    ...failing(422, REFUSAL),
    passOn: true,
  } as never);
  expect(answer).toMatchObject({ status: 422, units: "0" });
  expect(body).toEqual({
    detail: [{ loc: ["body", "prompt"], msg: "rude", type: "content_policy_violation", url: "" }],
  });
});

test("a budget that is used up, a time limit and a store that fails have answers of their own", async () => {
  const spend = ({ fal }: ReturnType<typeof site>) => fal.subscribe(ECHO, { input: {} });
  expect(await answerTo(spend, { budget: { usd: 0.001 } })).toMatchObject({ status: 402, units: "0" });
  expect(
    await answerTo(({ fal, clock }) => {
      const call = fal.subscribe(ECHO, { input: { ms: 60_000 }, timeout: 1_000 });
      void clock.advance(2_000);
      return call;
    }),
  ).toMatchObject({ status: 504, retry: "0", body: { detail: [{ type: "generation_timeout" }] } });
});

test("what a handler has said to charge counts, whatever fails after", async () => {
  const { fal, logger } = site();
  const app = defineApp({
    name: "poster",
    ...{ fal, logger },
    endpoints: {
      "/": {
        async handler(_, { reply }) {
          reply.billableUnits = 3;
          throw new AppError(422, "It was drawn, and is not fit to be shown.");
        },
      },
    },
  });
  expect(await read(await post(app, "/", {}))).toMatchObject({ status: 422, units: "3" });
});

test.each([-1, Number.NaN, Infinity, "2" as unknown as number])(
  "units that fal cannot bill are refused: %s",
  async (units) => {
    const answer = await (async () => {
      const { fal, logger } = site();
      const app = defineApp({
        name: "poster",
        ...{ fal, logger },
        endpoints: {
          "/": {
            handler: (_, { reply }) => {
              reply.billableUnits = units;
            },
          },
        },
      });
      return read(await post(app, "/", {}));
    })();
    expect(answer).toMatchObject({ status: 500, units: null });
  },
);

test("what a handler gives that its schema does not let out is a failure that names the place, and not the value", async () => {
  const { fal, logger, log } = site();
  const app = defineApp({
    name: "poster",
    ...{ fal, logger },
    endpoints: {
      "/": {
        run: false,
        output: z.object({ url: z.url() }),
        handler: () => ({ url: "not-a-url-but-private", more: 1 }),
      },
      "/ok": { run: false, output: z.object({ n: z.number() }), handler: () => ({ n: 1, private: 2 }) },
    },
  });
  expect((await post(app, "/", {})).status).toBe(500);
  expect(JSON.stringify(log)).toContain("url (invalid_format)");
  expect(JSON.stringify(log)).not.toContain("not-a-url-but-private");
  expect((await read(await post(app, "/ok", {}))).body).toEqual({ n: 1 });
});
