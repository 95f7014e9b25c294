import { abortable } from "../base/signal.ts";
import { mayPassForFree } from "../errors/registry.ts";
import { LeaseLostError, RunInputMismatchError, RunStateError } from "../errors/runs.ts";
import { StoreError } from "../errors/store.ts";
import type { RunClaim, RunRecord, RunState } from "../journal/run.ts";
import { nameOfRun, runName } from "../journal/run-name.ts";
import { isSameStore } from "../journal/store.ts";
import { isOfEnd, restoredEvent, storedEvents } from "./events.ts";
import { execute } from "./execute.ts";
import type { LiveRun } from "./live-run.ts";
import { RULES } from "./mode.ts";
import type { StartWith } from "./plan.ts";
import { isDead, noteLetGo, thisProcess } from "./process-identity.ts";
import { payloadsOf, recordedFailure } from "./run-handle.ts";
import { fromJson } from "./saved.ts";
import { ALL } from "./steps.ts";

/** How often a run that another process executes is looked at, in milliseconds. */
const OBSERVE_MS = 500;

/** Executes the run if it is ours to execute, else observes it; and takes it over when its process is gone. */
export async function claimOrObserve(live: LiveRun): Promise<unknown> {
  const { plan, services } = live;
  const { store, clock } = services;
  const { chain, id } = plan;
  // Whoever gives it up before its turn does not wait for that.
  if (plan.after) await abortable(abortable(plan.after, live.detached.signal), live.cancelled.signal);
  live.cancelled.signal.throwIfAborted();
  live.detached.signal.throwIfAborted();
  await assertKeptWithOuter(live);
  const startWith = plan.startWith ?? (await recordedStart(live));
  const rules = RULES[plan.mode];
  // A store that keeps ids only does not know what a completed run gave: its calls are replayed for that.
  const forgotten: readonly RunState[] = store.keep === "all" ? [] : ["completed"];
  let reopen = [...rules.reopens, ...forgotten];
  let evict: number | undefined;
  for (let round = 0; ; round++) {
    // Else a claim would make a run anew that has ended and was forgotten while this one looked away.
    if (round > 0 && !(await store.runs.get(chain, id))) throw unknownRun(live);
    const at = clock.now();
    const { run: record, owned } = await claim(live, startWith, { reopen, evict, at });
    await readStoredEvents(live, record).catch((error: unknown) => {
      if (owned && record.owner) noteLetGo(record.owner);
      throw error;
    });
    if (owned) {
      try {
        return await execute(live, { ...record, input: startWith.input }, at);
      } catch (error) {
        // Another process has it now, and will say how it ends.
        if (!(error instanceof LeaseLostError)) throw error;
      }
    }
    const isTried = round > 0 || rules.oldFailure !== "retry-free";
    if (!owned && !isTried && record.state === "failed" && (await costsNothing(live, record))) {
      reopen = ["failed"];
      continue;
    }
    if (!owned && record.state !== "running") return recordedOutcome(live, record);
    if (!rules.reopensLater) reopen = [...forgotten];
    evict = record.owner && isDead(record.owner) ? record.epoch : undefined;
    if (evict === undefined) await clock.sleep(OBSERVE_MS, live.detached.signal);
  }
}

async function claim(
  { plan, services }: LiveRun,
  startWith: StartWith,
  how: Pick<RunClaim, "reopen" | "evict" | "at">,
): Promise<{ readonly run: RunRecord; readonly owned: boolean }> {
  const { store, lease } = services;
  const { chain, id, budget } = plan;
  const owner = { ...thisProcess(), claim: crypto.randomUUID() };
  const asked = { chain, id, ...startWith, budget, owner, leaseMs: lease.leaseMs, ...how };
  const claimed = await store.runs.claim(asked).catch((error: unknown) => {
    // Should it have come there all the same, nobody acts under it.
    noteLetGo(owner);
    throw error;
  });
  // A store that keeps ids only cannot tell, and the code is given the input that it was started with.
  if (store.keep !== "all" || claimed.run.input === startWith.input) return claimed;
  if (claimed.owned) await store.runs.release({ chain, run: id, epoch: claimed.run.epoch });
  throw new RunInputMismatchError(chain, id);
}

async function recordedStart(live: LiveRun): Promise<StartWith> {
  const { store } = live.services;
  const { chain, id } = live.plan;
  if (store.keep === "ids") {
    throw new StoreError(
      `The store (${store.name}) keeps ids only, so the input of ${runName(chain, id)} is not known. Start the same id with its ` +
        "input instead: what is paid for is not paid again.",
    );
  }
  const record = await store.runs.get(chain, id);
  if (!record) throw unknownRun(live);
  const { input, tags, startedFor } = record;
  return { input, tags, startedFor };
}

/** What is found again by its place in another run must be where that run is. */
async function assertKeptWithOuter({ plan, services }: LiveRun): Promise<void> {
  const { chain, id, outer } = plan;
  const { store, directStore } = services;
  if (!outer || isSameStore(outer.directStore, directStore) || (await store.runs.get(outer.chain, outer.id)))
    return;
  throw new RunStateError(
    "run_elsewhere",
    `The run ${runName(chain, id)} was started within ${nameOfRun(outer)} by another client, whose store (${store.name}) ` +
      "does not have that run: it could not be found again. Nothing was sent. Give both clients the same store, or this " +
      "run an id of its own.",
  );
}

/** Puts into the log what other executions of the run have told so far. */
async function readStoredEvents(live: LiveRun, record: RunRecord): Promise<void> {
  const { store } = live.services;
  const payloads = payloadsOf(store, record);
  for await (const { seq, event } of storedEvents(store.runs, record.chain, record.id, live.eventsRead)) {
    live.eventsRead = seq + 1;
    const told = await restoredEvent(event, payloads);
    // How it ends is told when it has: what an execution before this one ended with is none of this one's.
    if (isOfEnd(told)) continue;
    // What an execution here wrote is in the log already, until another process took the run over.
    if (told.type === "resumed" && told.epoch > (live.tellingEpoch ?? 0)) live.tellingEpoch = undefined;
    if (live.tellingEpoch === undefined) live.log.push(told);
  }
}

/** What the process that executed it has noted as its end. */
function recordedOutcome({ log, services }: LiveRun, record: RunRecord): unknown {
  const at = record.endedAt ?? services.clock.now();
  if (record.state === "completed") {
    const output = fromJson(record.output);
    log.push({ type: "completed", at, output });
    return output;
  }
  const error = recordedFailure(record);
  log.push({ type: "failed", at, error });
  throw error;
}

/** Whether a failed run goes on without paying for its failure once more: nothing was paid, or it is still to be had. */
async function costsNothing({ services }: LiveRun, record: RunRecord): Promise<boolean> {
  if (mayPassForFree(recordedFailure(record))) return true;
  const { chain, id, failedKeys } = record;
  const calls = await services.store.calls.list({ chain, run: id, state: "given-up", limit: ALL });
  return calls.some(({ key, givenUp }) => key === failedKeys[0] && givenUp === "unread");
}

function unknownRun({ plan, services }: LiveRun): RunStateError {
  return new RunStateError(
    "run_unknown",
    `The store (${services.store.name}) has no run ${nameOfRun(plan)}. Start it with its input, or check the id and the store.`,
  );
}
