import {
  createFal,
  type FalOptions,
  memoryStore,
  type RealtimeConnectionHandler,
  systemClock,
} from "fal-chain";
import { createEmulator, type Emulator, type Model, virtualClock } from "fal-chain/emulator";
import { describe, expect, test, vi } from "vitest";
import { echo } from "../support/models.ts";
import { failureOf, KEY } from "../support/setup.ts";

const APP = "acme/live";

/** Says what it was told, in half a second. */
const live = (more: Partial<Model> = {}): Model => ({
  ...(echo({ id: APP, seconds: 0.5 }) as Model),
  realtime: async (input) => ({ output: { echo: input, bytes: new Uint8Array([1, 2]) }, units: 1 }),
  ...more,
});

/** A socket that its test has at hand. */
interface Held {
  readonly socket: WebSocket;
  readonly url: URL;
}

/** @param options.clock One on which time jumps, as both wait. @default the system's, in which nothing takes time */
function world(options: FalOptions & { model?: Model; refuse?: number; onSocket?: () => void } = {}) {
  const { model = live(), refuse = 0, clock = systemClock, onSocket, ...rest } = options;
  const timeScale = clock === systemClock ? 0 : 1;
  const emulator = createEmulator({ clock, timeScale, models: [model], concurrency: 10 });
  const held: Held[] = [];
  let left = refuse;
  class Watched extends emulator.WebSocket {
    constructor(url: string) {
      super(left-- > 0 ? url.replace(/fal_jwt_token=[^&]+/, "fal_jwt_token=bad") : url);
      held.push({ socket: this, url: new URL(url) });
      onSocket?.();
    }
  }
  const fal = createFal({
    credentials: KEY,
    clock,
    store: memoryStore(),
    random: () => 0.5,
    fetch: (address, init) => emulator.fetch(new Request(address, init)),
    webSocket: Watched,
    ...rest,
  });
  const results: unknown[] = [];
  const errors: { name: string; message: string; status?: number }[] = [];
  const states: string[] = [];
  const handler = {
    onResult: (result: unknown) => results.push(result),
    onError: (error: (typeof errors)[number]) => errors.push(error),
    onState: (state: string) => states.push(state),
  };
  const connect = (more: Partial<RealtimeConnectionHandler<unknown>> = {}) =>
    fal.realtime.connect(APP, { ...handler, throttleInterval: 0, ...more });
  return { fal, emulator, held, results, errors, states, connect };
}

const tokensOf = ({ received }: Emulator) => received.filter(({ url }) => url.endsWith("/tokens/"));
const until = (condition: () => unknown) =>
  vi.waitFor(() => expect(condition()).toBeTruthy(), { timeout: 8_000, interval: 5 });

test("an input is sent once it is connected, and its result comes back; the ledger has the connection", async () => {
  const { fal, emulator, held, results, errors, states, connect } = world();
  const connection = connect({ tags: { customer: "acme" }, maxBuffering: 5 });
  expect(held).toEqual([]);
  const input = { prompt: "a fox", request_id: "r-1" };
  connection.send(input);
  // Its owner's, before it has left.
  input.prompt = "another one";
  await until(() => results.length === 1);
  expect(results).toEqual([
    { echo: { prompt: "a fox", request_id: "r-1" }, bytes: new Uint8Array([1, 2]), request_id: "r-1" },
  ]);
  expect(held[0]?.url.href).toMatch(
    /^wss:\/\/fal\.run\/acme\/live\/realtime\?fal_jwt_token=[^&]+&max_buffering=5$/,
  );
  expect(tokensOf(emulator)[0]?.body).toBe('{"allowed_apps":["live"],"token_expiration":120}');
  connection.close();
  await until(() => states.at(-1) === "idle");
  await fal.close();
  expect([errors, states]).toEqual([[], ["connecting", "open", "idle"]]);
  expect(await fal.calls.list()).toMatchObject([
    {
      ...{ state: "completed", endpoint: APP, outcome: { data: { sent: 1, received: 1 } } },
      ...{ for: { userTags: { customer: "acme" } }, cost: { source: "unknown", reason: "no_units" } },
    },
  ]);
});

test.each([
  ["msgpack", {}],
  ["text", { encodeMessage: JSON.stringify }],
])(
  "a frame of %s that is larger than an answer may be is an error, and the next one is read",
  async (_, how) => {
    const model = live({
      realtime: async (input) => ({ output: { said: "x".repeat((input as { n: number }).n) }, units: 1 }),
    });
    const { results, errors, connect } = world({ model, maxReplyBytes: 500 });
    const connection = connect({ maxBuffering: 5, ...how });
    connection.send({ n: 1_000 });
    connection.send({ n: 1 });
    await until(() => results.length === 1);
    expect(results).toMatchObject([{ said: "x" }]);
    expect(errors).toMatchObject([{ name: "ReplyTooLargeError", maxBytes: 500, billed: "unknown" }]);
    connection.close();
  },
);

test("of inputs that come too fast the first is sent, and then the newest", async () => {
  const clock = virtualClock();
  const { emulator, results, connect } = world({ clock });
  const connection = connect({ throttleInterval: 100, maxBuffering: 60 });
  for (const n of [1, 2, 3]) connection.send({ n });
  await until(() => results.length === 2);
  await clock.sleep(500);
  expect(emulator.jobs.map(({ input }) => input)).toEqual([{ n: 1 }, { n: 3 }]);
});

test("while there is no connection the newest input waits, or as many as maxBuffering says", async () => {
  for (const [maxBuffering, sent] of [
    [undefined, [{ n: 3 }]],
    [2, [{ n: 2 }, { n: 3 }]],
  ] as const) {
    const { emulator, results, connect } = world();
    const connection = connect(maxBuffering ? { maxBuffering } : {});
    const input = { n: 0 };
    for (input.n = 1; input.n <= 3; input.n++) connection.send(input);
    await until(() => results.length === sent.length);
    expect(emulator.jobs.map((job) => job.input)).toEqual(sent);
  }
});

describe("a connection that is lost", () => {
  test("is told once, is made anew for the next input, and nothing is sent twice", async () => {
    const { held, results, errors, connect, emulator } = world();
    const connection = connect();
    connection.send({ n: 1 });
    await until(() => results.length === 1);
    const [first] = held;
    first?.socket.onclose?.({ code: 1006, reason: "" } as CloseEvent);
    await until(() => errors.length === 1);
    expect(errors).toMatchObject([{ name: "ApiError", status: 1006 }]);
    connection.send({ n: 2 });
    await until(() => results.length === 2);
    expect(held).toHaveLength(2);
    expect(emulator.jobs.map(({ input }) => input)).toEqual([{ n: 1 }, { n: 2 }]);
  });

  test("before it was open is tried again by itself, with a token of its own, for what waits", async () => {
    const { held, results, errors, connect, emulator, fal } = world({ refuse: 2, clock: virtualClock() });
    connect().send({ n: 1 });
    await until(() => results.length === 1);
    expect(errors).toMatchObject([{ status: 1006 }, { status: 1006 }]);
    expect(held).toHaveLength(3);
    expect(tokensOf(emulator)).toHaveLength(3);
    await fal.close();
    const states = (await fal.calls.list()).map(({ state, cost }) => [state, cost?.source]);
    expect(states).toEqual([
      ["completed", "unknown"],
      ["failed", "measured"],
      ["failed", "measured"],
    ]);
  });

  test("and lost again is given up after some tries; the next input tries again", async () => {
    const { held, results, errors, connect, states } = world({ refuse: 7, clock: virtualClock() });
    const connection = connect();
    connection.send({ n: 1 });
    await until(() => states.at(-1) === "idle");
    expect(held).toHaveLength(6);
    connection.send({ n: 2 });
    await until(() => results.length === 1);
    expect(errors).toHaveLength(7);
    expect(results).toMatchObject([{ echo: { n: 2 } }]);
  });
});

test("close() before it is open leaves no socket, and a later input opens another", async () => {
  const onSocket = vi.fn(() => {
    if (held.length === 1) connection.close();
  });
  const { held, connect, results, emulator } = world({ onSocket });
  const connection = connect();
  connection.send({ n: 1 });
  await until(() => held[0]?.socket.readyState === 3);
  connection.send({ n: 2 });
  await until(() => results.length === 1);
  expect(emulator.jobs.map(({ input }) => input)).toEqual([{ n: 2 }]);
  connection.close();
  await emulator.close();
});

test("fal.close() closes what is open", async () => {
  const { fal, held, connect, results } = world();
  connect().send({ n: 1 });
  await until(() => results.length === 1);
  await fal.close();
  await until(() => held[0]?.socket.readyState === 3);
  expect(await fal.calls.list()).toMatchObject([{ state: "completed" }]);
});

describe("tokens", () => {
  test("are renewed before they expire, and a renewal that failed is tried again", async () => {
    const clock = virtualClock({ auto: false });
    const asked: number[] = [];
    const tokenProvider = async (app: string) => {
      expect(app).toBe("acme/live/custom");
      asked.push(clock.now());
      if (asked.length === 2) throw new Error("not now");
      return "t";
    };
    class Open extends EventTarget {
      readyState = 1;
      onopen?: () => void;
      constructor() {
        super();
        queueMicrotask(() => this.onopen?.());
      }
      send() {}
      close() {}
    }
    const { fal } = world({ clock, webSocket: Open as never });
    // Time goes on in steps, each of which is seen.
    const pass = async (seconds: number) => {
      for (let n = 0; n < seconds; n++) await clock.advance(1_000);
    };
    const connection = fal.realtime.connect(APP, {
      ...{ onResult() {}, path: "/custom", tokenProvider, tokenExpirationSeconds: 100 },
    });
    connection.send({});
    await until(() => asked.length === 1);
    const from = asked[0] ?? 0;
    await pass(200);
    expect(asked.map((at) => (at - from) / 1000)).toEqual([0, 90, 95, 185]);
    connection.close();
  });

  test("of a provider that rejects are told once; the next input asks again", async () => {
    let asked = 0;
    const { connect, errors, states } = world();
    const tokenProvider = async () => {
      asked++;
      throw new Error("no token");
    };
    const connection = connect({ tokenProvider });
    connection.send({ n: 1 });
    await until(() => states.at(-1) === "idle");
    expect([asked, errors.map(({ message }) => message)]).toEqual([1, ["no token"]]);
    connection.send({ n: 2 });
    await until(() => asked === 2);
  });
});

test("what the app reports is an error, and its asides are not", async () => {
  const model = live({
    async realtime() {
      throw new Error("the app broke");
    },
  });
  const { connect, errors, results, states } = world({ model, clock: virtualClock() });
  connect().send({ n: 1 });
  await until(() => errors.length === 1);
  expect(errors[0]).toMatchObject({ name: "ApiError", status: 400, body: { error: "INTERNAL_ERROR" } });
  await until(() => states.at(-1) === "idle"); // the app closes after a minute without an input
  expect([errors.length, results.length]).toEqual([1, 0]);
});

test("a budget is heeded before it connects", async () => {
  const { connect, errors, held } = world({ budget: { usd: 0.005, per: "day" } });
  connect().send({});
  await until(() => errors.length === 1);
  expect(errors[0]?.name).toMatch(/BudgetExceededError|UnknownPriceError/);
  expect(held).toEqual([]);
});

test("connections of one key are one, and the latest callbacks are told", async () => {
  const { connect, held, results } = world();
  const late: unknown[] = [];
  const one = connect({ connectionKey: "a" });
  const two = connect({ connectionKey: "a", onResult: (result) => late.push(result) });
  one.send({ n: 1 });
  await until(() => late.length === 1);
  two.send({ n: 2 });
  await until(() => late.length === 2);
  expect([held.length, results.length]).toEqual([1, 0]);
});

test("what cannot be meant is refused, and so is a run; where only browsers connect nothing is sent", async () => {
  const { fal, connect, held } = world();
  expect(() => connect({ maxBuffering: 61 })).toThrow(/maxBuffering is 61; it is a number from 1 to 60/);
  expect(() => fal.realtime.connect("nobody", { onResult() {} })).toThrow(/is not an endpoint id/);
  const chain = fal.chain("live", async () => connect());
  expect(await failureOf(chain.start(undefined, { id: "a" }))).toMatchObject({ code: "invalid_argument" });
  connect({ clientOnly: true }).send({});
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(held).toEqual([]);
});

test("frames of one's own are sent as they are", async () => {
  const { connect, results } = world();
  const connection = connect({
    encodeMessage: (input: object) => JSON.stringify(input),
    decodeMessage: async (data: unknown) => (typeof data === "string" ? { type: "x-fal-message" } : { data }),
  });
  connection.send({ n: 1 });
  await until(() => results.length === 1);
  expect(results[0]).toEqual({ data: expect.any(ArrayBuffer) });
});
