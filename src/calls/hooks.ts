import { pooled } from "../base/pooled.ts";
import { abortable, OVER } from "../base/signal.ts";
import { OtherDeploymentError } from "../errors/calls.ts";
import type { Ticket } from "../journal/call.ts";
import type { Store } from "../journal/store.ts";
import { answerHook, hasEnded, type ReceivedHook, signatureOf } from "./hook-answer.ts";
import type { Hooks, Services } from "./services.ts";

export interface HookSettings {
  /** Where fal can reach `handle`. */
  readonly url: string;
  /** Signs the call id in the address. */
  readonly secret: () => string;
  /** Where hooks are kept. Its failures are told: fal sends again what could not be kept. */
  readonly store: () => Store;
  /** How long a hook may stay away before its call is looked at, in milliseconds. */
  readonly sweepMs: number;
  /** @throws something with a `status` to answer with, when it is not from fal. */
  readonly receive: (request: Request) => Promise<ReceivedHook>;
}

const SWEPT_AT_ONCE = 8;
/** A call waits from the submit's answer on, and was sent before. */
const SENT_BEFORE_MS = 10 * 60_000;

interface Waiting {
  readonly callId: string;
  readonly ticket: Ticket;
  readonly since: number;
  wake(): void;
}

/** The calls that wait for their hooks, and when they are looked at all the same. */
interface Waits {
  /** By call: several may wait for one. */
  readonly byCall: Map<string, Set<Waiting>>;
  readonly sweepMs: number;
  /** Aborts when nobody waits any more. */
  idle: AbortController;
}

export function createHooks(services: Services, settings: HookSettings): Hooks {
  const { url: base, secret, receive, sweepMs, store } = settings;
  const waits: Waits = { byCall: new Map(), sweepMs, idle: new AbortController() };
  const wake = (callId: string) => {
    for (const waiting of waits.byCall.get(callId) ?? []) waiting.wake();
  };

  return {
    async addressOf(callId) {
      const url = new URL(base);
      url.searchParams.set("call", callId);
      url.searchParams.set("signature", await signatureOf(secret(), callId));
      return url.href;
    },
    ended: (callId, ticket, signal) => untilHook(services, waits, callId, ticket, signal),
    async handle(request) {
      try {
        // First what costs nothing: a stranger has no address, and so no byte of a stranger's is read.
        const { searchParams } = new URL(request.url);
        const callId = searchParams.get("call") ?? "";
        if (!sameText(searchParams.get("signature") ?? "", await signatureOf(secret(), callId))) {
          return new Response("The address is not one that this client gave out.", { status: 403 });
        }
        if (request.method !== "POST") {
          return new Response("A webhook is a POST.", { status: 405, headers: { allow: "POST" } });
        }
        const telling = { ...services, store: store() };
        return await answerHook(telling, callId, await receive(request), wake);
      } catch (error) {
        const { status } = error as { status?: unknown };
        if (typeof status === "number") return new Response((error as Error).message, { status });
        services.report("A webhook could not be kept; fal sends it again", error);
        return new Response("The webhook could not be kept. Send it again.", { status: 503 });
      }
    },
  };
}

async function untilHook(
  services: Services,
  waits: Waits,
  callId: string,
  ticket: Ticket,
  signal: AbortSignal,
): Promise<void> {
  const { byCall } = waits;
  const { promise, resolve } = Promise.withResolvers<void>();
  const mine = { callId, ticket, since: services.clock.now(), wake: resolve };
  if (byCall.size === 0) void sweepWhileWaiting(services, waits);
  const beside = byCall.get(callId) ?? new Set();
  byCall.set(callId, beside.add(mine));
  try {
    // It may have come before anybody waited.
    const record = await services.store.calls.get(callId);
    if (record && hasEnded(record)) return;
    await abortable(promise, signal);
  } finally {
    beside.delete(mine);
    if (beside.size === 0) byCall.delete(callId);
    if (byCall.size === 0) waits.idle.abort(OVER);
  }
}

/** At-least-once is fal's promise for hooks, and not this client's: what stays away is looked for. */
async function sweepWhileWaiting(services: Services, waits: Waits): Promise<void> {
  waits.idle = new AbortController();
  const { signal } = waits.idle;
  while (!signal.aborted) {
    try {
      await services.clock.sleep(waits.sweepMs, signal);
      await sweep(services, waits);
    } catch (error) {
      if (!signal.aborted) services.report("The sweep for webhooks that never came failed", error);
    }
  }
}

async function sweep(services: Services, { byCall, sweepMs }: Waits): Promise<void> {
  const { clock, queue, store } = services;
  const all = [...byCall.values()].flatMap((beside) => [...beside]);
  const late = all.filter(({ since }) => clock.now() - since >= sweepMs);
  for (const endpoint of new Set(late.map(({ ticket }) => ticket.endpoint))) {
    const calls = late.filter(({ ticket }) => ticket.endpoint === endpoint);
    const over = await endedOf(services, endpoint, Math.min(...calls.map(({ since }) => since)));
    await pooled(calls, SWEPT_AT_ONCE, async ({ callId, ticket, wake }) => {
      const record = over?.has(ticket.requestId) ? undefined : await store.calls.get(callId);
      if (over?.has(ticket.requestId) || (record && hasEnded(record))) return wake();
      if (over && !queue.isElsewhere(ticket)) return;
      const isOver = await queue.status(ticket, { logs: false }).then(
        ({ status }) => status === "COMPLETED",
        // Reading the result says so.
        (error: unknown) => error instanceof OtherDeploymentError,
      );
      if (isOver) wake();
    });
  }
}

/** The requests of an endpoint that have ended; undefined where history cannot be read. */
async function endedOf(
  { history }: Services,
  endpoint: string,
  since: number,
): Promise<ReadonlySet<string> | undefined> {
  try {
    const { requests: past } = await history.since(endpoint, () => since - SENT_BEFORE_MS);
    return new Set(past.flatMap(({ requestId, endedAt }) => (endedAt === undefined ? [] : [requestId])));
  } catch {
    return undefined;
  }
}

/** Takes as long whichever character differs. */
function sameText(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let at = 0; at < b.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at);
  return difference === 0;
}
