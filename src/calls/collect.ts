import type { Clock } from "../base/clock.ts";
import { MalformedReplyError } from "../errors/network.ts";
import { restoredError } from "../errors/saved-error.ts";
import type { Ticket } from "../journal/call.ts";
import type { Store } from "../journal/store.ts";
import type { Answer } from "../queue/queue.ts";
import type { WireStatus } from "../queue/wire.ts";
import type { Hooks } from "./hooks.ts";
import { oneOf, type WatchSettings } from "./options.ts";
import { isGone, type ResultDeps, readResult } from "./result.ts";
import { IDLE_TIMEOUT_MS, watch } from "./watch.ts";

export interface CollectDeps extends ResultDeps {
  readonly clock: Clock;
  readonly store: Store;
  readonly hooks: Hooks | undefined;
}

/** A request that is waited for. */
export interface Awaited {
  readonly ticket: Ticket;
  readonly settings: WatchSettings;
  readonly signal: AbortSignal;
  /** The id that its call is noted under, where fal reports its end to this client; undefined where it is watched. */
  readonly hooked: string | undefined;
  /** Whether somebody wants the headers of the result's reply, which no hook has. */
  readonly readsReply: boolean;
}

export interface Collected {
  readonly answer: Answer;
  /** The last status; undefined where nobody saw it. */
  readonly status: WireStatus | undefined;
}

type OnStatus = (status: WireStatus, connection: object) => void;

/** Waits for the end of a request and fetches what it gave; what the queue has let go, history may still have. */
export async function collect(deps: CollectDeps, awaited: Awaited, onStatus: OnStatus): Promise<Collected> {
  const { ticket, signal, hooked } = awaited;
  if (deps.hooks && hooked !== undefined) return afterHook(deps, deps.hooks, hooked, awaited);
  const status = await untilCompleted(deps, awaited, onStatus).catch((error: unknown) => {
    if (!isGone(error)) throw error;
  });
  return {
    status: status ?? undefined,
    answer: await readResult(deps, ticket, status ?? undefined, signal),
  };
}

/** What the hook brought is in the store; where none came, or without a result, the result is there to be read. */
async function afterHook(
  deps: CollectDeps,
  hooks: Hooks,
  id: string,
  { ticket, signal, readsReply }: Awaited,
): Promise<Collected> {
  await hooks.ended(id, ticket, signal);
  const { state, outcome, error } = (await deps.store.calls.get(id)) ?? {};
  if (state === "failed" && error) throw restoredError(error);
  const read = () => readResult(deps, ticket, { status: "COMPLETED" }, signal);
  if (outcome?.data === undefined) return { answer: await read(), status: undefined };
  const kept = { data: outcome.data, units: outcome.units, response: Response.json(outcome.data) };
  const reply = readsReply ? await read().catch(() => undefined) : undefined;
  signal.throwIfAborted();
  return { answer: reply ?? kept, status: undefined };
}

async function untilCompleted(
  { queue, clock }: CollectDeps,
  { ticket, settings, signal }: Awaited,
  onStatus: OnStatus,
): Promise<WireStatus> {
  const options = {
    mode: oneOf("mode", settings.mode ?? "auto", ["auto", "streaming", "polling"]),
    logs: settings.logs ?? false,
    pollInterval: settings.pollInterval,
    idleTimeout: settings.idleTimeout ?? IDLE_TIMEOUT_MS,
    signal,
  };
  for await (const { status, connection } of watch(queue, clock, ticket, options)) {
    onStatus(status, connection);
    if (status.status === "COMPLETED") return status;
  }
  const { endpoint } = ticket;
  throw new MalformedReplyError(`The watch over ${endpoint} ended without COMPLETED.`, { endpoint });
}
