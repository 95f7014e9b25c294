import { derivedId } from "../base/sha256.ts";
import { FalError } from "../errors/fal-error.ts";
import { endsFallback } from "../errors/registry.ts";
import type { CallRecord } from "../journal/call.ts";
import { StatusFold } from "./events.ts";
import { emit, type LiveCall } from "./live-call.ts";
import type { CallRetry } from "./options.ts";
import type { Prepared } from "./prepare.ts";
import { recordFailure } from "./record.ts";
import { isRequestEnd } from "./result.ts";
import type { Services } from "./services.ts";

/**
 * Makes a call that has failed ready for another attempt, which is a call of its own in the ledger, and waits for its time.
 *
 * @returns the call whose place it takes. @throws the failure, where it is none that is tried again.
 */
export async function tryAgain(
  services: Services,
  call: LiveCall,
  prepared: Prepared,
  retry: CallRetry,
  error: unknown,
): Promise<string | undefined> {
  const { clock } = services;
  const { signal } = call.giveUp;
  const record = call.found?.record;
  // Those of earlier executions count.
  if (record && call.attempt === 1) call.attempt += await attemptsBefore(services, record);
  // Its failure is noted already.
  const before = call.notedAs === undefined && record?.state === "failed" ? record : undefined;
  const isOver = before !== undefined || call.ticket === undefined || isRequestEnd(error);
  if (signal.aborted || !isOver || call.attempt >= retry.attempts || !mayTry(services, call, retry, error)) {
    throw error;
  }
  if (!before) await recordFailure(services, call, error);
  const failed = call.notedAs ?? before?.id;
  const pauseMs = services.retryPause(call.attempt);
  emit(call, { type: "retrying", at: clock.now(), attempt: call.attempt + 1, pauseMs, error });
  await beginAnew(services, call, failed, error);
  try {
    await clock.sleep(pauseMs, signal);
  } catch (reason) {
    await noteCut(services, call, prepared, failed);
    throw reason;
  }
  return failed;
}

/**
 * Who gives up in a pause has given up the attempt that follows: a replay of the run is told so too, instead of making it. A
 * run that is let go goes on with it elsewhere.
 */
async function noteCut(
  { store, queue, clock }: Services,
  call: LiveCall,
  { endpoint, content, for: whose }: Prepared,
  replaces: string | undefined,
): Promise<void> {
  const { id, found, body = content } = call;
  if (!found || call.isDetached) return;
  const intent = { id, endpoint: endpoint.id, body, for: whose, queue: queue.base, key: found.key };
  try {
    await store.calls.intend({ ...intent, at: clock.now() }, { fence: found.fence, replaces });
    call.notedAs = id;
  } catch {
    // Whoever has the run now makes it, or the store is away and the run with it.
  }
}

function mayTry(
  { report }: Services,
  { id, endpoint }: LiveCall,
  { when = ({ retryable }) => retryable }: CallRetry,
  error: unknown,
): boolean {
  if (!(error instanceof FalError) || error.billed !== false || endsFallback(error)) return false;
  try {
    return when(error) === true;
  } catch (problem) {
    report("The callback retry.when threw", problem, { call: id, endpoint });
    return false;
  }
}

/** The failed attempt is over for whoever follows it, and nothing of it is left in the call. */
async function beginAnew(
  services: Services,
  call: LiveCall,
  failed: string | undefined,
  error: unknown,
): Promise<void> {
  const { endpoint, settings, cost } = call;
  call.observer?.ended({ error, cost });
  call.slot?.release();
  const id = failed === undefined ? crypto.randomUUID() : await attemptAfter(failed);
  Object.assign(call, {
    id,
    attempt: call.attempt + 1,
    observer: services.observe({ id, endpoint, step: settings.step }),
    statuses: new StatusFold(settings.logs ?? false),
    times: { submitted: services.clock.now() },
    ...{ isInDoubt: false, isHooked: false },
    ...{ notedAs: undefined, slot: undefined, accepting: undefined, ticket: undefined, cost: undefined },
  } satisfies Partial<LiveCall>);
  call.admitted?.triesAgain(id, { error, cost });
}

/** Each attempt's id follows from that of the one before, so that whoever goes on with a run can count them. */
const attemptAfter = (id: string): Promise<string> => derivedId(`the attempt after ${id}`);

async function attemptsBefore({ store }: Services, record: CallRecord): Promise<number> {
  const { endpoint } = record;
  const { chain, run } = record.for;
  const failed = await store.calls.list({ chain, run, endpoint, state: "failed", limit: MANY });
  const attempts = new Map<string, string>();
  for (const { id, unused } of failed) if (unused === "superseded") attempts.set(await attemptAfter(id), id);
  let count = 0;
  for (let id = attempts.get(record.id); id !== undefined; id = attempts.get(id)) count++;
  return count;
}

/** More than a run can sensibly have. */
const MANY = 1_000_000;
