// Very many calls in flight in one process: what each of them holds in memory, and what it takes to send and to end it.
// Each arm has a process of its own. fal is a function in it that leaves calls open until all of them are in flight.
//
//   npm run bench:flight
//   CALLS=10000 npm run bench:flight
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createFalClient } from "@fal-ai/client";
import { createFal, memoryStore } from "fal-chain";
import { signWebhook, webhookKeys } from "fal-chain/webhooks";
import { table } from "./report.ts";

const ENDPOINT = "acme/echo";
const ORIGIN = "https://queue.fal.run";
const KEY = "any:key";
const HOOKS = "https://hooks.test/fal";

interface Measured {
  readonly kilobytes: number;
  readonly sendMs: number;
  readonly endMs: number;
}

/** A queue that answers at once, and whose status streams say nothing until `release`. */
function platform() {
  const streams = new Set<ReadableStreamDefaultController<Uint8Array>>();
  const hooks = new Map<string, string>();
  const bytes = (text: string) => new TextEncoder().encode(text);
  let submitted = 0;
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const { pathname, searchParams } = new URL(request.url);
    if (request.method === "POST") {
      await request.text();
      const id = `request-${++submitted}`;
      const hook = searchParams.get("fal_webhook");
      if (hook) hooks.set(id, hook);
      const links = `${ORIGIN}/${ENDPOINT}/requests/${id}`;
      return Response.json({
        request_id: id,
        status_url: `${links}/status`,
        response_url: links,
        cancel_url: `${links}/cancel`,
        status: "IN_QUEUE",
        queue_position: 0,
      });
    }
    if (pathname.endsWith("/status/stream")) {
      const body = new ReadableStream<Uint8Array>({ start: (controller) => void streams.add(controller) });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    }
    if (pathname.startsWith("/v1/")) return Response.json({ prices: [], has_more: false, next_cursor: null });
    return Response.json({ done: true });
  };
  return {
    fetch,
    hooks,
    open: () => streams.size + hooks.size,
    release() {
      for (const stream of streams) {
        stream.enqueue(bytes('data: {"status":"COMPLETED","request_id":"r","logs":[]}\n\n'));
        stream.close();
      }
      streams.clear();
    },
  };
}

type Arm = (
  server: ReturnType<typeof platform>,
  calls: number,
) => Promise<{ send: () => Promise<unknown>; release?: () => Promise<void> }>;

const ARMS: Record<string, Arm> = {
  "bare fetch": async ({ fetch }) => ({
    async send() {
      const sent = await fetch(`${ORIGIN}/${ENDPOINT}`, { method: "POST", body: '{"prompt":"a fox"}' });
      const ticket = (await sent.json()) as { status_url: string; response_url: string };
      await (await fetch(`${ticket.status_url}/stream`)).text();
      return (await fetch(ticket.response_url)).json();
    },
  }),
  "@fal-ai/client": async ({ fetch }) => {
    const client = createFalClient({ credentials: KEY, fetch, suppressLocalCredentialsWarning: true });
    return { send: () => client.subscribe(ENDPOINT, { input: { prompt: "a fox" }, mode: "streaming" }) };
  },
  "fal-chain, waiting": async ({ fetch }, calls) => {
    const fal = createFal({ env: { FAL_KEY: KEY }, fetch, store: memoryStore({ keepEnded: calls }) });
    return { send: async () => fal.subscribe(ENDPOINT, { input: { prompt: "a fox" } }) };
  },
  "fal-chain, webhooks": async ({ fetch, hooks }, calls) => {
    const keys = await webhookKeys();
    const fal = createFal({
      env: { FAL_KEY: KEY },
      async fetch(input, init) {
        const { pathname } = new URL(input instanceof Request ? input.url : input);
        return pathname.endsWith("jwks.json") ? Response.json(keys.jwks) : fetch(input, init);
      },
      store: memoryStore({ keepEnded: calls }),
      webhooks: { url: HOOKS, secret: "bench", sweepMs: 3_600_000 },
    });
    return {
      send: async () => fal.subscribe(ENDPOINT, { input: { prompt: "a fox" } }),
      async release() {
        for (const [id, url] of hooks) {
          const body = { request_id: id, gateway_request_id: id, status: "OK", payload: { done: true } };
          const { headers, rawBody } = await signWebhook(body, { keys });
          const answer = await fal.webhooks.handle(
            new Request(url, { method: "POST", headers, body: rawBody }),
          );
          if (!answer.ok)
            throw new Error(`A hook was answered with ${answer.status}: ${await answer.text()}`);
        }
      },
    };
  },
};

const [, , name, calls] = process.argv;
if (name !== undefined) process.stdout.write(JSON.stringify(await measure(name, Number(calls))));
else compare((process.env["CALLS"] ?? "10000,100000").split(",").map(Number));

async function measure(name: string, calls: number): Promise<Measured> {
  const server = platform();
  const arm = await ARMS[name]?.(server, calls);
  if (!arm) throw new Error(`There is no arm ${name}.`);
  const before = memory();
  const started = performance.now();
  const all = Array.from({ length: calls }, () => arm.send());
  const ended = Promise.all(all);
  while (server.open() < calls) await new Promise((resolve) => setTimeout(resolve, 10));
  const sendMs = performance.now() - started;
  const kilobytes = (memory() - before) / 1024 / calls;
  const releasing = performance.now();
  server.release();
  await arm.release?.();
  await ended;
  return { kilobytes, sendMs, endMs: performance.now() - releasing };
}

function memory(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function compare(counts: readonly number[]): void {
  const file = fileURLToPath(import.meta.url);
  const flags = ["--conditions=fal-chain-source", "--expose-gc", "--max-old-space-size=8192"];
  const rows = counts.flatMap((count) =>
    armsFor(count).map((name) => {
      const out = execFileSync(process.execPath, [...flags, file, name, `${count}`], { encoding: "utf8" });
      const { kilobytes, sendMs, endMs } = JSON.parse(out) as Measured;
      const seconds = (ms: number) => (ms / 1_000).toFixed(1);
      return [name, `${count}`, kilobytes.toFixed(1), seconds(sendMs), seconds(endMs)];
    }),
  );
  table(["", "in flight", "kB a call", "s to send", "s to end"], rows);
}

/** Whoever waits with a stream each is not meant for the largest counts: that is what webhooks are for. */
function armsFor(count: number): string[] {
  return Object.keys(ARMS).filter((name) => count <= 10_000 || name !== "fal-chain, waiting");
}
