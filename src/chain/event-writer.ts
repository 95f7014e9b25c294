import type { Report } from "../base/report.ts";
import { LeaseLostError } from "../errors/runs.ts";
import type { Fence, RunJournal } from "../journal/run.ts";
import { type RunEvent, storedEvent } from "./events.ts";

export interface EventWriter {
  push(event: RunEvent): void;
  /** Resolves once everything that was pushed is in the store, or could not be kept. */
  flush(): Promise<void>;
}

/** Events go to the store in batches, each as large as the time that the one before it took. */
export function eventWriter(runs: RunJournal, fence: Fence, report: Report): EventWriter {
  let waiting: string[] = [];
  let writing: Promise<void> | undefined;

  const write = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await runs.appendEvents(fence, batch).catch((error: unknown) => {
        // Whoever has the run now tells its events.
        if (!(error instanceof LeaseLostError)) report("The store could not keep a run's events", error);
      });
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
    },
  };
}
