import { createFalClient } from "@fal-ai/client";
import { createFal, type FalOptions } from "fal-chain";
import { createEmulator, type Model, ModelFailure, virtualClock } from "fal-chain/emulator";
import { afterEach, describe, expect, test, vi } from "vitest";
import { EVENTS, echo, STREAMS, streaming } from "../support/models.ts";
import { collect, failureOf, KEY } from "../support/setup.ts";

// The same small programs, written for the official client, with both: what they see, and what the platform was sent.

/** As the official client types it. */
type Client = ReturnType<typeof createFalClient>;
type Program = (fal: Client) => Promise<unknown>;

async function both(models: readonly Model[], program: Program, { isLive = false } = {}) {
  const run = async (client: (options: Pick<FalOptions, "fetch" | "credentials">) => Client) => {
    // Neither is told the time of the emulator, so that of connections is the system's.
    const emulator = createEmulator({ models, ...(isLive ? { timeScale: 0 } : { clock: virtualClock() }) });
    vi.stubGlobal("WebSocket", emulator.WebSocket);
    const fetch: FalOptions["fetch"] = (address, init) => emulator.fetch(new Request(address, init));
    const saw = await program(client({ credentials: KEY, fetch }));
    const asked = emulator.received
      .filter(({ url }) => /stream|tokens|realtime/.test(url))
      .map(({ method, url, body, headers }) => ({
        ...{ method, body, key: headers["authorization"] },
        // Theirs is there twice, by two spellings of its name.
        accept: headers["accept"]?.replace("application/json, ", ""),
        url: url.replace(/(fal_jwt_token)=[^&]+/, "$1"),
      }));
    await emulator.close();
    return JSON.parse(JSON.stringify({ saw, asked })) as object;
  };
  vi.spyOn(console, "warn").mockImplementation(() => {});
  return {
    ours: await run((options) => createFal({ ...options, random: () => 0 }) as never),
    theirs: await run((options) => createFalClient({ ...options, retry: { maxRetries: 0 } })),
  };
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const input = { prompt: "a fox" };
const seenBy = async (iterable: AsyncIterable<unknown>) => (await collect(iterable)).seen;

/** Everything that listeners hear. */
function heard(stream: { on(type: "data" | "done" | "error", listener: (event: unknown) => void): void }) {
  const events: unknown[] = [];
  for (const type of ["data", "done"] as const) stream.on(type, (event) => events.push([type, event]));
  return events;
}

describe("stream", () => {
  test.each<[string, Model, Program]>([
    [
      "a loop, then done()",
      streaming([{ n: 1 }, { n: 2 }]),
      async (fal) => {
        const stream = await fal.stream(STREAMS, { input, queryParams: { a: "b c" } });
        return { seen: await seenBy(stream), last: await stream.done(), hasId: stream.requestId !== "" };
      },
    ],
    [
      "listeners",
      streaming([{ n: 1 }, { n: 2 }]),
      async (fal) => {
        const stream = await fal.streaming.stream(STREAMS, { input });
        const events = heard(stream);
        await stream.done();
        return events;
      },
    ],
    [
      "bytes",
      streaming([new Uint8Array([1, 2]), new Uint8Array([3])]),
      async (fal) => {
        const stream = await fal.stream(STREAMS, { input, accept: "audio/mpeg" });
        return { seen: await seenBy(stream), last: await stream.done() };
      },
    ],
    [
      "a token of fal's instead of the key",
      streaming(),
      async (fal) => (await fal.stream(`${STREAMS}/stream`, { input, connectionMode: "client" })).done(),
    ],
    [
      "a token of one's own",
      streaming(),
      async (fal) => {
        const asked: string[] = [];
        const tokenProvider = async (app: string) => {
          asked.push(app);
          return "no-token";
        };
        const stream = await fal.stream(STREAMS, { input, connectionMode: "client", tokenProvider });
        const error = (await failureOf(stream.done())) as { status: number };
        return { asked, status: error.status };
      },
    ],
    [
      "a refusal, as an error",
      streaming(EVENTS, {
        // biome-ignore lint/correctness/useYield: it gives none
        async *stream() {
          throw new ModelFailure(422, [{ loc: ["body", "n"], msg: "No.", type: "value_error", url: "" }]);
        },
      }),
      async (fal) => {
        const stream = await fal.stream(STREAMS, { input });
        const told = new Promise((resolve) => stream.on("error", resolve));
        const error = (await failureOf(stream.done())) as { status: number; body: unknown };
        expect(await told).toBe(error);
        return { status: error.status, body: error.body };
      },
    ],
    [
      "abort() after the first event",
      streaming([{ n: 1 }, { n: 2 }, { n: 3 }]),
      async (fal) => {
        const stream = await fal.stream(STREAMS, { input });
        stream.on("data", () => stream.abort());
        return [await stream.done(), stream.signal.aborted];
      },
    ],
  ])("%s", async (_, model, program) => {
    const { ours, theirs } = await both([model], program);
    expect(ours).toEqual(theirs);
  });
});

describe("queue.streamStatus", () => {
  const statuses = (events: readonly unknown[]) =>
    events
      .map((event) => (event as { status: string }).status)
      .filter((status, n, all) => status !== all[n - 1]);

  test.each<[string, Program]>([
    [
      "a loop, then done()",
      async (fal) => {
        const { request_id: requestId } = await fal.queue.submit(STREAMS, { input });
        const stream = await fal.queue.streamStatus(STREAMS, { requestId, logs: true });
        const seen = await seenBy(stream);
        const last = await stream.done();
        return { seen: statuses(seen), last, hasId: stream.requestId === requestId };
      },
    ],
    [
      "listeners, with a token",
      async (fal) => {
        const { request_id: requestId } = await fal.queue.submit(STREAMS, { input });
        const stream = await fal.queue.streamStatus(STREAMS, { requestId, connectionMode: "client" });
        const events = heard(stream) as [string, unknown][];
        await stream.done();
        return [events.at(-1)?.[0], statuses(events.map(([, event]) => event))];
      },
    ],
    [
      "abort()",
      async (fal) => {
        const { request_id: requestId } = await fal.queue.submit(STREAMS, { input });
        const stream = await fal.queue.streamStatus(STREAMS, { requestId });
        stream.on("data", () => stream.abort());
        return statuses([await stream.done()]);
      },
    ],
  ])("%s", async (_, program) => {
    const { ours, theirs } = await both([streaming()], program);
    const anyId = (saw: object) =>
      JSON.parse(
        JSON.stringify(saw)
          .replace(/[0-9a-f-]{36}/g, "ID")
          .replace(/("timestamp":)"[^"]*"/g, '$1""'),
      );
    expect(anyId(ours)).toEqual(anyId(theirs));
  });
});

describe("realtime", () => {
  const APP = "acme/live";
  const live: Model = {
    ...(echo({ id: APP }) as Model),
    async realtime(input) {
      const { prompt } = input as { prompt: string };
      if (prompt === "break") throw new Error("the app broke");
      return { output: { said: prompt, bytes: new Uint8Array([1, 2]) }, units: 1 };
    },
  };

  test.each<[string, Program]>([
    [
      "inputs and results",
      (fal) =>
        new Promise((resolve) => {
          const seen: unknown[] = [];
          const connection = fal.realtime.connect<{ prompt: string }, object>(APP, {
            ...{ throttleInterval: 0, maxBuffering: 3 },
            onResult(result) {
              seen.push(result);
              if (seen.length === 1) connection.send({ prompt: "b", request_id: "r-2" });
              else resolve(seen);
            },
          });
          connection.send({ prompt: "a", request_id: "r-1" });
        }),
    ],
    [
      "a token, a path and frames of one's own",
      async (fal) => {
        const asked: string[] = [];
        const { token } = await fetchToken(fal);
        const result = await new Promise((resolve) => {
          const connection = fal.realtime.connect(APP, {
            path: "realtime",
            async tokenProvider(app) {
              asked.push(app);
              return token;
            },
            encodeMessage: JSON.stringify,
            onResult: resolve,
          });
          connection.send({ prompt: "a", request_id: "r" });
        });
        return { asked, result };
      },
    ],
    [
      "what the app reports",
      (fal) =>
        new Promise((resolve) => {
          const connection = fal.realtime.connect(APP, {
            onResult() {},
            onError: ({ status, message, body }) => resolve({ status, message, body }),
          });
          connection.send({ prompt: "break" });
        }),
    ],
    [
      "no connection where only browsers shall have one",
      async (fal) => {
        const connection = fal.realtime.connect(APP, { clientOnly: true, onResult() {} });
        connection.send({ prompt: "a" });
        connection.close();
      },
    ],
  ])("%s", async (_, program) => {
    const { ours, theirs } = await both([live], program, { isLive: true });
    expect(ours).toEqual(theirs);
  });
});

/** Asks for a token as a server of the user's would: what a client is told is not what it asks. */
async function fetchToken(fal: Client): Promise<{ token: string }> {
  const asked = Promise.withResolvers<string>();
  const original = WebSocket;
  vi.stubGlobal(
    "WebSocket",
    class {
      constructor(url: string) {
        asked.resolve(new URL(url).searchParams.get("fal_jwt_token") ?? "");
      }
      close() {}
    },
  );
  const connection = fal.realtime.connect("acme/live", { onResult() {} });
  connection.send({});
  const token = await asked.promise;
  connection.close();
  vi.stubGlobal("WebSocket", original);
  return { token };
}
