import type { RunRecord } from "../journal/runs.ts";
import type { Cost } from "../money/cost.ts";
import type { RunEvent } from "./events.ts";
import { executeCode } from "./execute-code.ts";
import { close, type Execution, openExecution, tell, untilIdle } from "./execution.ts";
import type { LiveRun } from "./live-run.ts";
import { recordFailure, recordOutput } from "./record-end.ts";
import { readStoredEvents } from "./stored-events.ts";

/**
 * Executes a run that is ours, and notes its end.
 *
 * @param claimedAt When the claim was sent off.
 */
export async function execute(live: LiveRun, record: RunRecord, claimedAt: number): Promise<unknown> {
  await readStoredEvents(live, record);
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
    await recordFailure(execution, error);
    throw error;
  } finally {
    await close(execution);
  }
}

function firstEvent({ live, fence }: Execution): RunEvent {
  const { chain, run, epoch } = fence;
  const first = { at: live.services.clock.now(), chain, run };
  return epoch === 1 ? { type: "started", ...first } : { type: "resumed", ...first, epoch };
}

/** What each call cost, once all of them have ended: some go on when the run has failed. */
async function costsOf(execution: Execution, outcome: Promise<unknown>): Promise<readonly Cost[]> {
  await outcome.catch(() => {});
  await untilIdle(execution);
  return (await Promise.all(execution.costs.values())).filter((cost) => cost !== undefined);
}
