import { createFalClient } from "@fal-ai/client";
import { createEmulator, type Model } from "fal-chain/emulator";
import * as z from "zod";

export const ENDPOINT = "acme/echo";
export const KEY = "any:key";

const Anything = z.looseObject({});
const echo: Model<z.output<typeof Anything>> = {
  id: ENDPOINT,
  title: ENDPOINT,
  price: { unit: "images", unitPrice: 0.01 },
  input: Anything,
  notice: "stand-in",
  takes: [0, 0],
  stages: () => [],
  run: async (input) => ({ output: { echo: input }, units: 1 }),
};

/** An emulator that takes no time, and a fetch that goes to it without a socket. */
export const emulator = createEmulator({ models: [echo], concurrency: 40, timeScale: 0 });
export const fetch: typeof globalThis.fetch = (input, init) => emulator.fetch(new Request(input, init));

/** One call, from its submit to its result. */
export type OneCall = (n: number) => PromiseLike<unknown>;

const authorization = { authorization: `Key ${KEY}` };
const json = async (url: string, init: RequestInit = {}) =>
  (await fetch(url, { ...init, headers: authorization })).json();

export const bareFetch: OneCall = async (n) => {
  const body = JSON.stringify({ n });
  const ticket = await json(`https://queue.fal.run/${ENDPOINT}`, { method: "POST", body });
  const stream = await fetch(`${ticket.status_url}/stream`, { headers: authorization });
  await stream.text();
  await json(ticket.response_url);
};

const client = createFalClient({ credentials: KEY, fetch, suppressLocalCredentialsWarning: true });
export const official: OneCall = (n) => client.subscribe(ENDPOINT, { input: { n }, mode: "streaming" });

/** What the process has used since, in milliseconds of CPU and of the clock. */
export function stopwatch(): () => { readonly cpuMs: number; readonly ms: number } {
  const cpu = process.cpuUsage();
  const started = performance.now();
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return { cpuMs: (user + system) / 1_000, ms: performance.now() - started };
  };
}
