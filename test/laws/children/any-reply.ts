import { strictEqual } from "node:assert";
import { type Clock, type Fal, FalError, memoryStore } from "fal-chain";
import fc from "fast-check";
import { ECHO, SECRET, type Setup, setup } from "../../support/setup.ts";
import { type Kind, kindOf, networkError, type Wire } from "../../support/wire.ts";

/**
 * Bytes that no server would send, in the place of any of its answers: a typed error or a result, each within its limits,
 * and afterwards the same client pays, reads its ledger and closes. Run as a program: `any-reply.ts <replies> <seed>`.
 */

const REPLIES_EACH = 4;
const MAX_BYTES = 256 * 1024;
/** So long may the waiting for one call take, all its repeats and look-ups counted. */
const LONGEST_MS = 2 * 60 * 60_000;

/** What the bytes of a reply are made of. */
interface Made {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
}
/** How they arrive. */
interface Delivery {
  readonly chunk: number;
  readonly ends: "well" | "breaks" | "stalls" | "drips" | "never";
  /** After which part of the bytes, from 0 to 1. */
  readonly at: number;
}
type Reply =
  | ({ readonly made: Made } & Delivery)
  /** The server's own answer, with one byte changed where that is given. */
  | ({ readonly flip: { readonly at: number; readonly to: number } | undefined } & Delivery)
  | { readonly thrown: string };

const text = (value: string) => new TextEncoder().encode(value);

const json = fc.jsonValue().map((value) => JSON.stringify(value));
const bodies: fc.Arbitrary<Uint8Array> = fc.oneof(
  json.map(text),
  fc.string().map(text),
  fc.uint8Array({ maxLength: 2_000 }),
  json.map((value) => new Uint8Array(Buffer.from(value, "utf16le"))),
  json.map((value) => new Uint8Array([0xef, 0xbb, 0xbf, ...text(value)])),
  fc
    .constantFrom(0, 1, MAX_BYTES - 1, MAX_BYTES + 1, 2 * MAX_BYTES)
    .map((size) => new Uint8Array(size).fill(0x20)),
  fc.constantFrom(499, 501, 6_000, 50_000).map((depth) => text("[".repeat(depth) + "]".repeat(depth))),
  fc
    .constantFrom(
      ...[
        ...[
          '{"status":"COMPLETED"}',
          '{"status":"IN_PROGRESS","logs":null}',
          '{"status":"IN_QUEUE","queue_position":-1}',
        ],
      ],
      ...[
        '{"status":"NEW"}',
        '{"status":1e400}',
        '{"request_id":"../../x"}',
        '{"request_id":"r"}',
        '{"request_id":null}',
      ],
      ...[
        '{"detail":"no"}',
        '{"detail":[{"loc":[[[]]],"msg":1}]}',
        `{"detail":"Key x:${SECRET}"}`,
        '{"items":[{}]}',
      ],
      ...[
        '{"prices":[{"endpoint_id":"acme/echo","unit_price":-1e308,"unit":""}]}',
        '{"seed":18446744073709551557}',
        "NaN",
      ],
    )
    .map(text),
  fc
    .array(fc.oneof(json, fc.constant('{"status":"IN_PROGRESS","logs":[{"message":"a"}]}')), { maxLength: 6 })
    .map((events) => text(events.map((event) => `data: ${event}\n\n`).join(""))),
  fc
    .constantFrom(
      `data: ${"x".repeat(MAX_BYTES)}`,
      ":".repeat(100_000),
      "data:\n".repeat(20_000),
      "\r\n\r\n",
      "id: \u0000\ndata: {}\n\n",
    )
    .map(text),
);

const HEADERS: readonly (readonly [string, readonly string[]])[] = [
  [
    "content-type",
    [
      "application/json",
      "text/event-stream",
      "text/html",
      "application/octet-stream",
      "image/png",
      "application/json; charset=utf-16",
      "x",
      "",
    ],
  ],
  ["content-length", ["0", "-1", "5", "99999999999", "x"]],
  ["content-encoding", ["gzip", "br", "identity"]],
  ["x-fal-request-id", ["r1", "../..", "x".repeat(5_000), ""]],
  ["x-fal-billable-units", ["1e308", "-1", "NaN", "1000000000", "0x10"]],
  ["x-fal-error-type", ["runner_scheduling_failure", "internal_error", "x".repeat(5_000)]],
  ["x-fal-retryable", ["true", "0", "?"]],
  ["x-fal-request-timeout-type", ["user"]],
  ["retry-after", ["86400", "-5", "1e9", "soon", "Thu, 01 Jan 2099 00:00:00 GMT"]],
  ["location", ["https://evil.example/", "/", "not a url", "https://queue.fal.run/acme/echo"]],
  ["date", ["Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 01 Jan 2099 00:00:00 GMT", "x"]],
];
const headers = fc
  .subarray([...HEADERS], { maxLength: 4 })
  .chain((some) =>
    fc.tuple(
      ...some.map(([name, values]) => fc.constantFrom(...values).map((value) => [name, value] as const)),
    ),
  );
const STATUSES = [
  200, 200, 200, 201, 202, 204, 206, 301, 302, 307, 400, 401, 402, 403, 404, 408, 409, 410, 413, 418, 422,
  423, 429, 451, 499, 500, 502, 503, 504, 599,
];
const delivery: fc.Arbitrary<Delivery> = fc.record({
  chunk: fc.constantFrom(1, 7, 1_000, 100_000),
  ends: fc.constantFrom("well", "well", "well", "breaks", "stalls", "drips", "never"),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
});
const reply: fc.Arbitrary<Reply> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(fc.record({ status: fc.constantFrom(...STATUSES), headers, body: bodies }), delivery)
      .map(([made, how]) => ({ made, ...how })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.option(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), to: fc.nat(255) }), {
          nil: undefined,
        }),
        delivery,
      )
      .map(([flip, how]) => ({ flip, ...how })),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom("ECONNRESET", "ECONNREFUSED", "UND_ERR_HEADERS_TIMEOUT", "EPROTO", "")
      .map((thrown) => ({ thrown })),
  },
);

const KINDS: readonly Kind[] = ["submit", "status", "stream", "result", "cancel", "other"];
const ACTS = ["auto", "polling", "queue", "run", "cancel"] as const;
const scripts = fc.record({
  act: fc.constantFrom(...ACTS),
  replies: fc.array(fc.tuple(fc.constantFrom(...KINDS), reply), {
    minLength: REPLIES_EACH,
    maxLength: REPLIES_EACH,
  }),
});
type Script = typeof scripts extends fc.Arbitrary<infer S> ? S : never;

/** Bytes as they arrive, on the clock that the client waits by. */
function arriving(bytes: Uint8Array, { chunk, ends, at }: Delivery, sleep: Clock["sleep"]) {
  const left = new AbortController();
  // Nobody waits for half a million parts.
  const size = Math.max(chunk, Math.ceil(bytes.length / 500));
  const until = ends === "well" ? bytes.length : Math.floor(bytes.length * at);
  let sent = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (sent < until) {
        const part = bytes.slice(sent, Math.min(sent + size, until));
        sent += part.length;
        return controller.enqueue(part);
      }
      if (ends === "well") return controller.close();
      if (ends === "breaks") return controller.error(networkError("ECONNRESET"));
      if (ends === "stalls") return new Promise(() => {});
      if (ends === "drips") await sleep(5_000, left.signal);
      controller.enqueue(new Uint8Array(ends === "drips" ? 1 : 50_000).fill(0x20));
    },
    // Whoever leaves it has to say so.
    cancel: () => left.abort("left"),
  });
}

/** Gives each reply once, in the place of an answer of its kind, and counts them. */
function strangeWire(
  script: Script,
  made: () => Setup,
  count: { replies: number },
): { wire: Wire; over: () => void } {
  const left = [...script.replies];
  const wire: Wire = async (request, forward) => {
    const at = left.findIndex(([kind]) => kind === kindOf(request));
    const [found] = at < 0 ? [] : left.splice(at, 1);
    if (!found) return forward();
    count.replies += 1;
    const [, how] = found;
    if ("thrown" in how) throw networkError(how.thrown);
    const { clock } = made();
    const sleep: Clock["sleep"] = (ms, signal) => clock.sleep(ms, signal);
    if ("made" in how) {
      const { status, headers, body } = how.made;
      const isEmpty = [204, 205, 304].includes(status);
      return new Response(isEmpty ? null : arriving(body, how, sleep), {
        status,
        headers: headers.map(([name, value]) => [name, value]),
      });
    }
    const answer = await forward();
    if (!answer.body || request.url.endsWith("/stream?logs=1")) return answer;
    const bytes = new Uint8Array(await answer.arrayBuffer());
    if (how.flip) bytes[Math.floor(how.flip.at * Math.max(0, bytes.length - 1))] = how.flip.to;
    return new Response(arriving(bytes, how, sleep), answer);
  };
  return { wire, over: () => left.splice(0) };
}

async function act(fal: Fal, { act: how }: Script): Promise<void> {
  const input = { n: 1 };
  if (how === "queue") {
    const { request_id: requestId } = await fal.queue.submit(ECHO, { input });
    await fal.queue.subscribeToStatus(ECHO, { requestId, logs: true, timeout: LONGEST_MS });
    await fal.queue.result(ECHO, { requestId });
  } else if (how === "cancel") {
    const { request_id: requestId } = await fal.queue.submit(ECHO, { input });
    await fal.queue.cancel(ECHO, { requestId });
  } else if (how === "run") {
    await fal
      .chain("one", async () => (await fal.subscribe(ECHO, { input, timeout: LONGEST_MS })).data)
      .start(undefined, { id: "a" });
  } else {
    await fal.subscribe(ECHO, { input, mode: how, logs: true, timeout: LONGEST_MS });
  }
}

function checkError(error: unknown): void {
  if (!(error instanceof FalError)) throw new Error("it is no error of ours", { cause: error });
  const said = `${error.message} ${error.stack} ${JSON.stringify(error)}`;
  if (error.message.length > 10_000) throw new Error("its message is for no person");
  if (said.includes(SECRET)) throw new Error("it holds the key");
}

/** One script: what comes of it, and what the client is good for afterwards. */
async function weathers(script: Script, count: { replies: number }): Promise<void> {
  const { wire, over } = strangeWire(script, () => made, count);
  const store = { ...memoryStore({ keepEnded: 1_000 }), durable: true };
  const made: Setup = setup({
    ...{ wire, store, maxReplyBytes: MAX_BYTES, logger: { warn: () => {} } },
    retry: { maxRetries: 5 },
  });
  const { fal, emulator, clock } = made;
  const before = clock.now();
  await act(fal, script).catch(checkError);
  if (clock.now() - before > LONGEST_MS) throw new Error(`it took ${clock.now() - before} ms`);
  over();
  if (emulator.jobsWith({ n: 1 }).length > 1) throw new Error("it was paid for twice");

  // The day after, the same client pays, reads its ledger and closes.
  const { data } = await fal.subscribe(ECHO, { input: { next: true } });
  strictEqual(JSON.stringify(data), '{"echo":{"next":true}}');
  const [noted] = (await fal.calls.list({ limit: 10 })).filter(({ body }) => body === '{"n":1}');
  if (noted?.ticket && noted.state !== "failed") await fal.calls.collect(noted.id).catch(checkError);
  if (script.act === "run") {
    const again = fal
      .chain("one", async () => (await fal.subscribe(ECHO, { input: { n: 1 } })).data)
      .resume("a");
    await Promise.resolve(again).catch(checkError);
  }
  if (emulator.jobsWith({ n: 1 }).length > 1) throw new Error("it was paid for again");
  await fal.close();
  JSON.stringify([await fal.calls.list({ limit: 10 }), await fal.costs(), await fal.runs.list()]);
  await emulator.close();
  strictEqual(clock.sleepers, 0, "timers are left");
}

const [replies = 2_000, seed = 1] = process.argv.slice(2).map(Number);
const count = { replies: 0 };
let rounds = 0;
for (; count.replies < replies; rounds += 100) {
  await fc.assert(
    fc.asyncProperty(scripts, (script) => weathers(script, count)),
    { numRuns: 100, seed: seed + rounds, endOnFailure: !process.env["SHRINK"] },
  );
}
const mostMemory = Math.round(process.resourceUsage().maxRSS / 1024);
process.stdout.write(`${JSON.stringify({ replies: count.replies, mostMemory })}\n`);
