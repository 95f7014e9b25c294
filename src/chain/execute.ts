import { abortable } from "../base/signal.ts";
import { codeBegins } from "../calls/enclosing-run.ts";
import { mayPassForFree } from "../errors/registry.ts";
import type { RunRecord } from "../journal/run.ts";
import type { Cost } from "../money/cost.ts";
import type { RunEvent } from "./events.ts";
import { close, type Execution, openExecution, tell, untilIdle } from "./execution.ts";
import type { LiveRun } from "./live-run.ts";
import { RULES } from "./mode.ts";
import { openAttempt, runCode } from "./open-attempt.ts";
import { type Executed, recordFailure, recordOutput } from "./record-end.ts";
import { leftOver } from "./replay.ts";

/**
 * Executes a run that is ours, and notes its end.
 *
 * @param claimedAt When the claim was sent off.
 */
export async function execute(live: LiveRun, record: RunRecord, claimedAt: number): Promise<unknown> {
  live.tellingEpoch = record.epoch;
  live.isExecuting = true;
  const execution = openExecution(live, record, claimedAt);
  const outcome = untilNoted(execution);
  const costs = costsOf(execution, outcome);
  live.costs.push(costs);
  outcome.then(
    () => execution.observer.ended({ costs }),
    (error: unknown) => execution.observer.ended({ error, costs }),
  );
  try {
    return await outcome;
  } finally {
    live.isExecuting = false;
  }
}

async function untilNoted(execution: Execution): Promise<unknown> {
  tell(execution, firstEvent(execution));
  try {
    return await recordOutput(execution, await executeCode(execution));
  } catch (error) {
    throw await recordFailure(execution, error);
  } finally {
    await close(execution);
  }
}

function firstEvent({ live, fence }: Execution): RunEvent {
  const { chain, run, epoch } = fence;
  const first = { at: live.services.clock.now(), chain, run };
  return epoch === 1 ? { type: "started", ...first } : { type: "resumed", ...first, epoch };
}

/**
 * Executes the chain's function. A resumed run that fails with a failure from before retries that step: it is thrown away
 * and the rest is replayed, until it is a fresh failure, or none.
 */
async function executeCode(execution: Execution): Promise<Executed> {
  const { record, stopped, failures } = execution;
  const { oldFailure } = RULES[execution.live.plan.mode];
  const failedKeys = oldFailure === "replay" ? [] : record.failedKeys;
  const retry = new Set(failedKeys);
  const retried = new Set(failedKeys);
  for (;;) {
    const attempt = await openAttempt(execution, retry);
    const ended = codeBegins();
    try {
      stopped.signal.throwIfAborted();
      const output = await abortable(runCode(attempt), stopped.signal);
      return { output, leftOver: leftOver(attempt.replay) };
    } catch (error) {
      const through = failures.keysOf(error);
      const again = through.filter((key) => attempt.replayed.has(key) && !retried.has(key));
      const mayRetry = oldFailure === "retry-each" || (oldFailure === "retry-free" && mayPassForFree(error));
      if (!mayRetry || again.length === 0 || stopped.signal.aborted) throw error;
      for (const key of again) retried.add(key);
      // A step around it has failed anew with it.
      for (const key of through) retry.add(key);
    } finally {
      ended?.();
      attempt.isClosed = true;
    }
    // Else its calls would be asked for by two attempts at once.
    await untilIdle(execution);
  }
}

/** What each call cost, once all of them have ended: some go on when the run has failed. */
async function costsOf(execution: Execution, outcome: Promise<unknown>): Promise<readonly Cost[]> {
  await outcome.catch(() => {});
  await untilIdle(execution);
  return (await Promise.all(execution.costs.values())).filter((cost) => cost !== undefined);
}
