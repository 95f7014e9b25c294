import { pooled } from "../base/pooled.ts";
import { hmacSha256 } from "../base/sha256.ts";
import { abortable, OVER } from "../base/signal.ts";
import { ApiError, apiError, isOwnEnd } from "../errors/api.ts";
import { savedError } from "../errors/saved-error.ts";
import { RequestClaimedError } from "../errors/store.ts";
import type { CallRecord, Ticket } from "../journal/call.ts";
import type { History } from "../platform/requests.ts";
import { parseEndpointId } from "../queue/endpoint.ts";
import type { Answer, Queue } from "../queue/queue.ts";
import { type BillDeps, billFailure, noteCompleted } from "./bill.ts";
import { noteRequest } from "./resubmits.ts";
import { isTooEarly } from "./result.ts";

/** A webhook whose signature is fal's. */
export interface ReceivedHook {
  readonly requestId: string;
  readonly status: "OK" | "ERROR";
  readonly payload: unknown;
  readonly error: string | undefined;
}

export interface HookDeps extends BillDeps {
  /** Where fal can reach `handle`. */
  readonly url: string;
  /** Signs the call id in the address, so that nobody else's request can end one of ours. */
  readonly secret: () => string;
  /** How long a hook may stay away before its call is looked at, in milliseconds. */
  readonly sweepMs: number;
  readonly queue: Queue;
  readonly history: History;
  /** @throws something with a `status` to answer with, when it is not from fal. */
  readonly receive: (request: Request) => Promise<ReceivedHook>;
}

/** Calls that are told of their end instead of watching for it: no connection is held while they wait. */
export interface Hooks {
  /** Where fal is to report the end of this call. */
  addressOf(callId: string): Promise<string>;
  /** Resolves when the call's request has ended, whichever process heard of it, or nobody did. */
  ended(callId: string, ticket: Ticket, signal: AbortSignal): Promise<void>;
  /**
   * Answers a webhook. What it says is in the store before the answer is a yes; the same hook again changes nothing, and
   * one that comes before the submit's own answer tells the request id.
   */
  handle(request: Request): Promise<Response>;
}

/** fal waits 15 s for an answer to a hook, and the result has to be read and kept in that time. */
const READ_MS = 8_000;
const SWEPT_AT_ONCE = 8;

type Requested = CallRecord & { readonly ticket: Ticket };

interface Waiting {
  readonly callId: string;
  readonly ticket: Ticket;
  readonly since: number;
  wake(): void;
}

export function createHooks(deps: HookDeps): Hooks {
  const { store, queue, history, clock } = deps;
  /** By call: several may wait for one. */
  const waiting = new Map<string, Set<Waiting>>();
  let idle = new AbortController();

  const signatureOf = (callId: string) => hmacSha256(deps.secret(), callId);

  return {
    async addressOf(callId) {
      const url = new URL(deps.url);
      url.searchParams.set("call", callId);
      url.searchParams.set("signature", await signatureOf(callId));
      return url.href;
    },

    async ended(callId, ticket, signal) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const mine = { callId, ticket, since: clock.now(), wake: resolve };
      if (waiting.size === 0) void sweepWhileWaiting();
      const beside = waiting.get(callId) ?? new Set();
      waiting.set(callId, beside.add(mine));
      try {
        // It may have come before anybody waited.
        if (hasEnded(await store.calls.get(callId))) return;
        await abortable(promise, signal);
      } finally {
        beside.delete(mine);
        if (beside.size === 0) waiting.delete(callId);
        if (waiting.size === 0) idle.abort(OVER);
      }
    },

    async handle(request) {
      try {
        const hook = await deps.receive(request);
        const { searchParams } = new URL(request.url);
        const callId = searchParams.get("call") ?? "";
        if (!sameText(searchParams.get("signature") ?? "", await signatureOf(callId))) {
          return new Response("The address is not one that this client gave out.", { status: 403 });
        }
        return await keep(callId, hook);
      } catch (error) {
        const { status } = error as { status?: unknown };
        if (typeof status === "number") return new Response((error as Error).message, { status });
        deps.report("A webhook could not be kept; fal sends it again", error);
        return new Response("The webhook could not be kept. Send it again.", { status: 503 });
      }
    },
  };

  async function keep(callId: string, hook: ReceivedHook): Promise<Response> {
    const call = await store.calls.get(callId);
    if (!call) return new Response("No call of this id is known here.", { status: 404 });
    let made: Requested;
    try {
      made = await requestOf(call, hook);
    } catch (error) {
      if (!(error instanceof RequestClaimedError)) throw error;
      if (call.ticket)
        deps.report(`Request ${hook.requestId} says that it is call ${callId}; it may be billed`, error);
      return new Response("The request is another call, or the call another request.", { status: 409 });
    }
    if (!hasEnded(made)) await (hook.status === "OK" ? keepResult : keepFailure)(made, hook);
    for (const { wake } of waiting.get(made.id) ?? []) wake();
    return new Response(null, { status: 204 });
  }

  /** What the hook's request is noted with: the call, or a submit of it that was in doubt. @throws {RequestClaimedError} */
  async function requestOf(call: CallRecord, { requestId }: ReceivedHook): Promise<Requested> {
    if (call.ticket?.requestId === requestId) return { ...call, ticket: call.ticket };
    const ticket = queue.ticket(parseEndpointId(call.endpoint), requestId);
    const id = await noteRequest(store, call.id, ticket, clock.now());
    const record = id === call.id ? call : await store.calls.get(id);
    return { ...(record ?? call), id, ticket };
  }

  /** The hook has the output; what was billed stands in the result's headers only. */
  async function keepResult({ id, endpoint, ticket }: Requested, hook: ReceivedHook): Promise<void> {
    const answer = await readInTime(ticket).catch(() => undefined);
    const data = answer?.data ?? hook.payload;
    // Not JSON, and gone from the queue: whoever waits asks history.
    if (data === null) return;
    const outcome = { data, units: answer?.units, waitSeconds: undefined, runSeconds: undefined };
    await noteCompleted(deps, { endpoint, noted: id }, outcome);
  }

  /** Here too only the result's headers tell what was billed. */
  async function keepFailure({ id, endpoint, ticket }: Requested, hook: ReceivedHook): Promise<void> {
    const read = await readInTime(ticket).catch((error: unknown) => error);
    const error = isItsFailure(read) ? read : failureIn(hook, ticket);
    await store.calls.failed(id, savedError(error), clock.now());
    const sent = async () => "accepted" as const;
    void billFailure(deps, { endpoint, noted: id }, { error, left: false, sent });
  }

  async function readInTime(ticket: Ticket): Promise<Answer> {
    const late = new AbortController();
    const timer = new AbortController();
    clock.sleep(READ_MS, timer.signal).then(
      () => late.abort(),
      () => {},
    );
    return queue.result(ticket, { signal: late.signal }).finally(() => timer.abort(OVER));
  }

  /** At-least-once is fal's promise for hooks, and not this client's: what stays away is looked for. */
  async function sweepWhileWaiting(): Promise<void> {
    idle = new AbortController();
    const { signal } = idle;
    while (!signal.aborted) {
      try {
        await clock.sleep(deps.sweepMs, signal);
        await sweep();
      } catch (error) {
        if (!signal.aborted) deps.report("The sweep for webhooks that never came failed", error);
      }
    }
  }

  async function sweep(): Promise<void> {
    const all = [...waiting.values()].flatMap((beside) => [...beside]);
    const late = all.filter(({ since }) => clock.now() - since >= deps.sweepMs);
    for (const endpoint of new Set(late.map(({ ticket }) => ticket.endpoint))) {
      const calls = late.filter(({ ticket }) => ticket.endpoint === endpoint);
      const over = await endedOf(endpoint, Math.min(...calls.map(({ since }) => since)));
      await pooled(calls, SWEPT_AT_ONCE, async ({ callId, ticket, wake }) => {
        if (over?.has(ticket.requestId) || hasEnded(await store.calls.get(callId))) return wake();
        if (over) return;
        const status = await queue.status(ticket, { logs: false }).catch(() => undefined);
        if (status?.status === "COMPLETED") wake();
      });
    }
  }

  /** The requests of an endpoint that have ended; undefined where history cannot be read. */
  async function endedOf(endpoint: string, since: number): Promise<ReadonlySet<string> | undefined> {
    try {
      const past = await history.since(endpoint, since - SENT_BEFORE_MS);
      return new Set(past.flatMap(({ requestId, endedAt }) => (endedAt === undefined ? [] : [requestId])));
    } catch {
      return undefined;
    }
  }
}

/** A call waits from the submit's answer on, and was sent before. */
const SENT_BEFORE_MS = 10 * 60_000;

const hasEnded = (record: CallRecord | undefined): boolean =>
  record?.state === "completed" || record?.state === "failed";

const isItsFailure = (read: unknown): read is ApiError =>
  read instanceof ApiError && isOwnEnd(read) && !isTooEarly(read);

function failureIn(hook: ReceivedHook, { requestId, endpoint }: Ticket): ApiError {
  const status = Number(/\b[45]\d\d\b/.exec(hook.error ?? "")?.[0] ?? 500);
  return apiError({ status, body: hook.payload ?? { detail: hook.error }, requestId, endpoint });
}

/** Takes as long whichever character differs. */
function sameText(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let at = 0; at < b.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at);
  return difference === 0;
}
