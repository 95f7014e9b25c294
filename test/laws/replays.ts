import {
  ApiError,
  CallTimeoutError,
  type Fal,
  InvalidArgumentError,
  NetworkError,
  OutputMismatchError,
  type Store,
} from "fal-chain";
import type { VirtualClock } from "fal-chain/emulator";
import { expect } from "vitest";
import * as z from "zod";
import { processes } from "../support/processes.ts";
import { ECHO, failureOf, KEY } from "../support/setup.ts";
import { instead, json, type Wire } from "../support/wire.ts";

// What the first execution of a chain sees and what a replay sees is the same, whatever was thrown and whatever was answered.

export type OpenStore = (clock: VirtualClock) => Store;

class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;
  readonly details: object;
  readonly #secret = 1;

  constructor(status: number, details: object) {
    super(`HTTP ${status}`);
    this.status = status;
    this.details = details;
  }

  get isClientError(): boolean {
    return this.#secret === 1 && this.status < 500;
  }
}

class OutOfStock extends RangeError {
  readonly left = 0;
}

const knotted = (): object => {
  const knot: { self?: object; name: string } = { name: "knot" };
  knot.self = knot;
  return knot;
};

/** What a program throws, and what of it is there, the first time and each time again. */
export const THROWN: readonly [string, () => unknown, (seen: never) => unknown][] = [
  ["an Error", () => new Error("plain"), (error: Error) => expect(error.message).toBe("plain")],
  ["a TypeError", () => new TypeError("no"), (error) => expect(error).toBeInstanceOf(TypeError)],
  [
    "a SyntaxError of the language",
    () => syntaxError(),
    (error) => expect(error).toBeInstanceOf(SyntaxError),
  ],
  [
    "a system error",
    () => Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED", errno: -111, port: 443 }),
    (error) => expect(error).toMatchObject({ code: "ECONNREFUSED", errno: -111, port: 443 }),
  ],
  [
    "a chain of causes",
    () => new Error("outer", { cause: new TypeError("inner", { cause: { code: "E_DEEP", at: [1, 2] } }) }),
    (error: Error) => {
      expect(error.cause).toBeInstanceOf(TypeError);
      expect((error.cause as Error).cause).toEqual({ code: "E_DEEP", at: [1, 2] });
    },
  ],
  [
    "an AggregateError",
    () => new AggregateError([new RangeError("a"), "b", { c: 1 }], "all failed"),
    (error: AggregateError) => {
      expect(error).toBeInstanceOf(AggregateError);
      expect(error.errors[0]).toBeInstanceOf(RangeError);
      expect(error.errors.slice(1)).toEqual(["b", { c: 1 }]);
    },
  ],
  [
    "an AbortError of the platform",
    () => new DOMException("This operation was aborted", "AbortError"),
    (error) => {
      expect(error).toBeInstanceOf(DOMException);
      expect(error).toMatchObject({ name: "AbortError", code: DOMException.ABORT_ERR });
    },
  ],
  [
    "a class of one's own",
    () => new HttpError(404, { retry: true, at: new Date(0) }),
    (error) =>
      expect(error).toMatchObject({
        ...{ name: "HttpError", status: 404, isClientError: true },
        details: { retry: true, at: new Date(0) },
      }),
  ],
  [
    "a class that extends one of the language's",
    () => new OutOfStock("gone"),
    (error) => {
      expect(error).toBeInstanceOf(RangeError);
      expect(error).toMatchObject({ left: 0, name: "RangeError" });
    },
  ],
  [
    "a plain object",
    () => ({ code: 7, retry: false }),
    (thrown) => expect(thrown).toEqual({ code: 7, retry: false }),
  ],
  [
    "an object without a prototype",
    () => Object.assign(Object.create(null), { code: 7 }),
    (thrown: { code: number }) => expect(thrown.code).toBe(7),
  ],
  [
    "an object that contains itself",
    () => knotted(),
    (thrown) => expect(thrown).toMatchObject({ name: "knot" }),
  ],
  ["a list", () => ["a", 1, null], (thrown) => expect(thrown).toEqual(["a", 1, null])],
  ["a text", () => "stop", (thrown) => expect(thrown).toBe("stop")],
  ["a number", () => -0, (thrown) => expect(thrown).toBe(-0)],
  ["NaN", () => Number.NaN, (thrown) => expect(thrown).toBeNaN()],
  ["a bigint", () => 2n ** 70n, (thrown) => expect(thrown).toBe(2n ** 70n)],
  ["nothing", () => undefined, (thrown) => expect(thrown).toBeUndefined()],
  ["null", () => null, (thrown) => expect(thrown).toBeNull()],
  [
    "a Map in an error",
    () => Object.assign(new Error("m"), { of: new Map([["a", new Set([1])]]) }),
    (error) => expect(error).toMatchObject({ of: new Map([["a", new Set([1])]]) }),
  ],
  [
    "what zod says",
    () => z.object({ n: z.number() }).safeParse({ n: "1" }).error,
    (error) =>
      expect(error).toMatchObject({ name: "ZodError", issues: [{ path: ["n"], code: "invalid_type" }] }),
  ],
  [
    "an answer that a program makes an error of",
    () =>
      new ApiError({
        status: 429,
        body: { error: { code: "QUOTA", left: 0 } },
        headers: new Headers({ "retry-after": "17", "x-fal-error-type": "quota", "set-cookie": "a=b" }),
      }),
    (error: ApiError) => {
      expect(error).toBeInstanceOf(ApiError);
      expect(error.body).toEqual({ error: { code: "QUOTA", left: 0 } });
      expect([error.headers.get("retry-after"), error.errorType]).toEqual(["17", "quota"]);
      expect(error.headers.has("set-cookie")).toBe(false);
    },
  ],
  [
    "an error of ours with a cause",
    () => new NetworkError("away", { cause: { code: "EAI_AGAIN" } }),
    (error: Error) => expect(error.cause).toEqual({ code: "EAI_AGAIN" }),
  ],
  [
    "a bad argument",
    () => new InvalidArgumentError("no"),
    (error) => expect(error).toBeInstanceOf(InvalidArgumentError),
  ],
  [
    "an output that is paid for and does not match",
    () =>
      new OutputMismatchError(ECHO, "r1", { data: { big: "x".repeat(70_000) } }, [
        { message: "no", path: "a" },
      ]),
    (error: OutputMismatchError) => expect(error.result).toEqual({ data: { big: "x".repeat(70_000) } }),
  ],
  [
    "a timeout of a call",
    () => new CallTimeoutError(ECHO, 5_000, { cancel: Promise.resolve("requested"), requestId: "r1" }),
    (error) => expect(error).toMatchObject({ name: "TimeoutError", requestId: "r1" }),
  ],
  [
    "a text that quotes the key",
    () => new Error(`the key ${KEY} is bad`),
    (error: Error) => expect(error.message).not.toContain(KEY),
  ],
  [
    "an error with a getter that throws",
    () =>
      Object.defineProperty(new Error("odd"), "odd", {
        get: () => {
          throw new Error("no");
        },
        enumerable: true,
      }),
    (error: Error) => expect(error.message).toBe("odd"),
  ],
  [
    "an error that is much too large and too deep",
    () => {
      let deep: object = {};
      for (let n = 0; n < 6_000; n++) deep = { deep };
      return Object.assign(new Error("large"), { code: "LARGE", deep, lines: Array(100_000).fill("line") });
    },
    (error) => expect(error).toMatchObject({ message: "large", code: "LARGE" }),
  ],
];

const syntaxError = (): unknown => {
  try {
    return JSON.parse("{");
  } catch (error) {
    return error;
  }
};

/** All that a program can tell of what it caught, as plain data. */
function look(value: unknown): unknown {
  if (value instanceof Headers) return ["headers", ...value];
  if (!(value instanceof Error)) return value;
  const own = Object.getOwnPropertyNames(value).filter((name) => !["stack", "cancel"].includes(name));
  const fields = own.sort().map((name) => {
    const isSeen = Object.getOwnPropertyDescriptor(value, name)?.enumerable;
    return [name, isSeen, look(Reflect.get(value, name))];
  });
  const prototype = Object.getPrototypeOf(value) as object;
  return [prototype.constructor.name, String(value), Object.prototype.toString.call(value), ...fields];
}

type Where = (fal: Fal, fail: () => never, see: (caught: unknown) => void) => Promise<unknown>;

/** Where in a chain it is thrown, and caught. */
const PLACES: Readonly<Record<string, Where>> = {
  "a step": (fal, fail, see) => fal.step("s", fail).catch(see),
  "a step that rejects, in a branch": (fal, fail, see) =>
    fal.branch("b", () => fal.step("s", async () => fail()).catch(see)),
  "a step within a step": (fal, fail, see) => fal.step("o", () => fal.step("i", fail)).catch(see),
  "items of a map": async (fal, fail, see) => {
    const outcomes = await fal.map([1, 2], (n) => fal.step(`s${n}`, fail), { collect: true });
    for (const outcome of outcomes) if (outcome.status === "rejected") see(outcome.reason);
  },
  "a run within the run": (fal, fail, see) =>
    Promise.resolve(fal.chain("inner", async () => fail()).start()).catch(see),
};

/** The virtual clock may run ahead of a database by minutes while that answers once: no lease is over for it. */
const KEPT = { lease: { leaseMs: 86_400_000 } };

/** Throws it at each place in one execution and in another process's, and compares what was caught. */
export async function sameWherever(make: () => unknown, openStore?: OpenStore): Promise<unknown[]> {
  const { start } = processes({}, openStore);
  const caught: unknown[] = [];
  const id = crypto.randomUUID();
  let thrown = 0;
  for (const [place, where] of Object.entries(PLACES)) {
    const executions = [[], []] as unknown[][];
    for (const [nth, seen] of executions.entries()) {
      const { fal } = start(KEPT);
      const fail = (): never => {
        // Else it would be no replay.
        expect(nth, place).toBe(0);
        thrown++;
        throw make();
      };
      const chain = fal.chain(place, async () => {
        await where(fal, fail, (error) => void seen.push(error));
        if (nth === 0) throw new Error("a bug");
      });
      if (nth === 0) await failureOf(chain.start(undefined, { id }));
      else await chain.resume(id);
    }
    const [first = [], again = []] = executions;
    expect(first, place).toHaveLength(place === "items of a map" ? 2 : 1);
    expect(again.map(look), place).toEqual(first.map(look));
    caught.push(...first, ...again);
  }
  expect(thrown).toBe(caught.length / 2);
  // A run that nobody caught it in.
  const run = (fal: Fal) =>
    fal.chain("run", async () => {
      throw make();
    });
  const ends = [start(KEPT), start(KEPT)].map(
    ({ fal }) =>
      () =>
        failureOf(run(fal).start(undefined, { id })),
  );
  const [first, again] = [await ends[0]?.(), await ends[1]?.()];
  expect(look(again)).toEqual(look(first));
  return [...caught, first, again];
}

const PROBLEM = {
  loc: ["body", "prompt"],
  msg: "Too rude.",
  type: "content_policy_violation",
  input: "a rude prompt",
};
const headers = {
  "retry-after": "30",
  "x-fal-error-type": "quota",
  "x-fal-needs-retry": "1",
  "x-fal-billable-units": "2",
};

/** What fal, a gateway or a model answers, and what of it a program reads. */
export const ANSWERS: readonly [string, Wire, object][] = [
  [
    "a submit that is refused",
    instead("submit", () => json({ error: { code: "QUOTA", left: 0 } }, { status: 400, headers })),
    { status: 400, body: { error: { code: "QUOTA", left: 0 } }, errorType: "quota", retryable: true },
  ],
  [
    "a submit that is refused without JSON",
    instead("submit", () => new Response("<h1>Forbidden</h1>", { status: 403, headers })),
    { status: 403, body: "<h1>Forbidden</h1>" },
  ],
  [
    "a result that the model refuses",
    instead("result", () =>
      json({ detail: [PROBLEM], code: "RUDE", hint: { ask: "nicely" } }, { status: 422, headers }),
    ),
    { status: 422, code: "validation", body: { code: "RUDE", hint: { ask: "nicely" } } },
  ],
  [
    "a model that fails",
    instead("result", () =>
      json({ detail: [{ ...PROBLEM, ctx: { seed: 1 } }], error: { code: 7 } }, { status: 500 }),
    ),
    { status: 500, code: "api", body: { error: { code: 7 } } },
  ],
  [
    "a locked account",
    instead("submit", () =>
      json({ detail: "User is locked. Reason: TOP_UP.", until: "noon" }, { status: 403 }),
    ),
    { code: "account_locked", reason: "TOP_UP", body: { until: "noon" } },
  ],
];

const CALLS: Readonly<Record<string, (fal: Fal) => Promise<unknown>>> = {
  subscribe: async (fal) => fal.subscribe(ECHO, { input: { prompt: "a rude prompt" } }),
  "a named step": async (fal) => fal.subscribe(ECHO, { input: { prompt: "a rude prompt" }, step: "s" }),
  "queue.submit and result": async (fal) => {
    const { request_id: requestId } = await fal.queue.submit(ECHO, { input: { prompt: "a rude prompt" } });
    await fal.queue.subscribeToStatus(ECHO, { requestId });
    return fal.queue.result(ECHO, { requestId });
  },
  "a call within a step": (fal) =>
    fal.step("s", async () => (await fal.subscribe(ECHO, { input: { prompt: "a rude prompt" } })).data),
};

let seeds = 0;

/** Has each kind of call answered so in one execution, and compares what a replay catches; nothing is paid for again. */
export async function sameAnswers(wire: Wire, expected: object, openStore?: OpenStore): Promise<void> {
  for (const [kind, make] of Object.entries(CALLS)) {
    // Requests of another platform than before, since the store may be the same.
    const { start, emulator } = processes({ seed: ++seeds }, openStore);
    const id = crypto.randomUUID();
    const seen: unknown[] = [];
    const chain = (fal: Fal, dies: boolean) =>
      fal.chain("one", async () => {
        await make(fal).catch((error: unknown) => seen.push(error));
        if (dies) throw new Error("a bug");
      });
    const { fal } = start({ wire, ...KEPT });
    await failureOf(chain(fal, true).start(undefined, { id }));
    const { length } = emulator.jobs;
    const later = start({ wire, ...KEPT });
    await chain(later.fal, false).resume(id);
    expect(seen, kind).toHaveLength(2);
    expect(seen[0], kind).toMatchObject(expected);
    expect(look(seen[1]), kind).toEqual(look(seen[0]));
    expect(emulator.jobs, kind).toHaveLength(length);
    expect(later.sent.filter(({ kind }) => kind === "submit")).toEqual([]);
  }
}
