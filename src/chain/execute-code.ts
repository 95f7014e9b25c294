import { abortable } from "../base/signal.ts";
import type { CallRecord } from "../journal/store.ts";
import { type Execution, untilIdle } from "./execution.ts";
import { RULES } from "./mode.ts";
import { openAttempt, runCode } from "./open-attempt.ts";
import { leftOver } from "./replay.ts";

export interface Executed {
  readonly output: unknown;
  /** Paid calls of earlier executions that the code did not ask for. */
  readonly leftOver: readonly CallRecord[];
}

/**
 * Executes the chain's function. A resumed run that fails with a failure from before retries that step: it is thrown away
 * and the rest is replayed, until it is a fresh failure, or none.
 */
export async function executeCode(execution: Execution): Promise<Executed> {
  const { record, stopped, failures } = execution;
  const { oldFailure } = RULES[execution.live.plan.mode];
  const failedKeys = oldFailure === "replay" ? [] : (record.failedKey?.split("\n") ?? []);
  const retry = new Set(failedKeys);
  const retried = new Set(failedKeys);
  for (;;) {
    const attempt = await openAttempt(execution, retry);
    try {
      stopped.signal.throwIfAborted();
      const output = await abortable(runCode(attempt), stopped.signal);
      return { output, leftOver: leftOver(attempt.replay) };
    } catch (error) {
      const through = failures.keysOf(error);
      const again = through.filter((key) => attempt.replayed.has(key) && !retried.has(key));
      if (oldFailure !== "retry-each" || again.length === 0 || stopped.signal.aborted) throw error;
      for (const key of again) retried.add(key);
      // A step around it has failed anew with it.
      for (const key of through) retry.add(key);
    } finally {
      attempt.isClosed = true;
    }
    // Else its calls would be asked for by two attempts at once.
    await untilIdle(execution);
  }
}
