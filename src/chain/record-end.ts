import { AmbiguousSubmitError } from "../errors/ambiguous-submit.ts";
import { LeaseLostError, RunAbortedError, RunBlockedError } from "../errors/runs.ts";
import { asReplayed, savedError, withoutResults } from "../errors/saved-error.ts";
import { storeErrorIn } from "../errors/store.ts";
import type { CallRecord } from "../journal/call.ts";
import type { RunEnd } from "../journal/run.ts";
import { runName } from "../journal/run-name.ts";
import { storedEnd } from "./events.ts";
import { cancelQueued, type Execution, sayForgotten, tell, untilIdle } from "./execution.ts";
import { RULES } from "./mode.ts";
import { noteLetGo } from "./process-identity.ts";
import { fromJson, toJson } from "./saved.ts";

export interface Executed {
  readonly output: unknown;
  /** Paid calls of earlier executions that the code did not ask for. */
  readonly leftOver: readonly CallRecord[];
}

/** @returns the output as every later reader will see it. */
export async function recordOutput(execution: Execution, { output, leftOver }: Executed): Promise<unknown> {
  const { live, fence, writer } = execution;
  const { store, clock } = live.services;
  sayForgotten(execution);
  const calls = leftOver.map(({ id, for: { step }, endpoint }) => ({ id, step: step ?? endpoint, endpoint }));
  if (calls.length > 0) tell(execution, { type: "left-over", at: clock.now(), calls });
  await writer.flush();
  const { keepsOutput } = RULES[live.plan.mode];
  const json = keepsOutput ? toJson(output, "the output of the chain") : undefined;
  const seen = keepsOutput ? fromJson(json) : output;
  const told = { type: "completed", at: clock.now(), output: seen } as const;
  const leftOverIds = calls.map(({ id }) => id);
  const end: RunEnd = { state: "completed", output: json, leftOver: leftOverIds, events: storedEnd(told) };
  await store.runs.end(fence, end, told.at);
  live.log.push(told);
  return seen;
}

/**
 * A run that was released has no end: whoever has it next goes on.
 *
 * @returns the error as every later reader will see it.
 */
export async function recordFailure(execution: Execution, error: unknown): Promise<unknown> {
  const { live, fence, writer, released, failures } = execution;
  const { store, clock, hide } = live.services;
  // What the store fails with is no end of the run, whatever the code made of it.
  if (error instanceof LeaseLostError || storeErrorIn(error)) released.abort(error);
  if (released.signal.aborted) {
    // Whoever has it next finds noted what became of each submit.
    await untilIdle(execution);
    await store.runs.release(fence).catch(leftTo(execution, "let go of"));
    return error;
  }
  // What is handed over as it is, is never read back.
  const seen = RULES[live.plan.mode].keepsOutput ? failures.insteadOf(error, asReplayed(error, hide)) : error;
  const told = { type: "failed", at: clock.now(), error: seen } as const;
  live.log.push(told);
  if (!(error instanceof RunBlockedError)) cancelQueued(execution);
  await writer.flush();
  await store.runs
    .end(fence, { ...endOf(execution, error), events: storedEnd(told) }, clock.now())
    .catch(leftTo(execution, "note the end of"));
  return seen;
}

/** Whoever has the run next goes on with it, in this process at once. */
const leftTo =
  ({ live, fence, record }: Execution, what: string) =>
  (cause: unknown): void => {
    if (record.owner) noteLetGo(record.owner);
    live.services.report(`The store could not ${what} run ${runName(fence.chain, fence.run)}`, cause);
  };

function endOf({ live, fence, failures }: Execution, error: unknown): RunEnd {
  const whole = savedError(error);
  const saved = live.services.store.keep === "all" ? whole : withoutResults(whole);
  const failedKeys = failures.keysOf(error);
  if (error instanceof RunBlockedError) {
    const { step, callId, cause } = error;
    const candidates = cause instanceof AmbiguousSubmitError ? cause.candidates : [];
    const facts = { chain: fence.chain, run: fence.run, step, callId, candidates };
    return { state: "blocked", error: { ...saved, facts }, failedKeys };
  }
  const isCancelled = error instanceof RunAbortedError && live.cancelled.signal.aborted;
  return { state: isCancelled ? "cancelled" : "failed", error: saved, failedKeys };
}
