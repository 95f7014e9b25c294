import type { Report } from "../base/report.ts";
import { LeaseLostError } from "../errors/runs.ts";
import type { Fence, RunJournal } from "../journal/run.ts";
import { type RunEvent, storedEvent } from "./events.ts";

export interface EventWriter {
  push(event: RunEvent): void;
  /** Resolves once everything that was pushed is in the store, or could not be kept. */
  flush(): Promise<void>;
}

/** Events that wait while the store takes none; beyond that the oldest are given up. */
const MOST_WAITING = 10_000;

/**
 * Events go to the store in batches, each as large as the time that the one before it took. What it does not take waits
 * for the next one.
 */
export function eventWriter(runs: RunJournal, fence: Fence, report: Report): EventWriter {
  let waiting: string[] = [];
  let writing: Promise<void> | undefined;
  let isFailing = false;

  const write = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      const error = await runs.appendEvents(fence, batch).then(
        () => undefined,
        (reason: unknown) => ({ reason }),
      );
      if (!error) {
        isFailing = false;
        continue;
      }
      // Whoever has the run now tells its events.
      if (error.reason instanceof LeaseLostError) break;
      if (!isFailing) report("The store could not keep a run's events, which wait for it", error.reason);
      isFailing = true;
      waiting = [...batch, ...waiting].slice(-MOST_WAITING);
      break;
    }
    writing = undefined;
  };
  return {
    push(event) {
      waiting.push(storedEvent(event));
      writing ??= write();
    },
    async flush() {
      await writing;
      if (waiting.length > 0) writing ??= write();
      await writing;
    },
  };
}
