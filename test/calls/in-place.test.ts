import { createFalClient } from "@fal-ai/client";
import { createFal, type FalOptions } from "fal-chain";
import { createEmulator, type Model, ModelFailure, virtualClock } from "fal-chain/emulator";
import { afterEach, describe, expect, test, vi } from "vitest";
import { EVENTS, STREAMS, streaming } from "../support/models.ts";
import { collect, failureOf, KEY } from "../support/setup.ts";

// The same small programs, written for the official client, with both: what they see, and what the platform was sent.

/** As the official client types it. */
type Client = ReturnType<typeof createFalClient>;
type Program = (fal: Client) => Promise<unknown>;

async function both(models: readonly Model[], program: Program) {
  const run = async (client: (options: Pick<FalOptions, "fetch" | "credentials">) => Client) => {
    const emulator = createEmulator({ models, clock: virtualClock() });
    const fetch: FalOptions["fetch"] = (address, init) => emulator.fetch(new Request(address, init));
    const saw = await program(client({ credentials: KEY, fetch }));
    const asked = emulator.received
      .filter(({ url }) => url.includes("stream") || url.includes("/tokens"))
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

afterEach(() => void vi.restoreAllMocks());

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
