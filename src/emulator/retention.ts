import type { Job } from "./job.ts";

/** How much of its past an emulator holds in memory. */
export interface Keep {
  /** Completed requests; of more, the oldest are forgotten altogether. @default 100_000 */
  readonly jobs: number;
  /** Bytes of inputs and results of completed requests; of more, the oldest lose theirs. @default 256 MB */
  readonly payloadBytes: number;
}

export const KEEP: Keep = { jobs: 100_000, payloadBytes: 256 * 2 ** 20 };

export interface Retention {
  completed(job: Job): void;
  clear(): void;
}

/**
 * Bounds what completed requests take. Payloads go first: such a request stays on record, but its result has expired
 * and history has it without input and output, as if they had not been stored.
 */
export function createRetention(keep: Keep, forget: (job: Job) => void): Retention {
  // Sets keep the order of completion, and give up their first member cheaply.
  const whole = new Set<Job>();
  const stripped = new Set<Job>();
  let held = 0;

  const takeOldest = (from: Set<Job>): Job | undefined => {
    for (const oldest of from) {
      from.delete(oldest);
      if (from === whole) held -= sizeOf(oldest);
      return oldest;
    }
    return undefined;
  };

  return {
    clear() {
      whole.clear();
      stripped.clear();
      held = 0;
    },
    completed(job) {
      whole.add(job);
      held += sizeOf(job);
      while (held > keep.payloadBytes && whole.size > 1) {
        const oldest = takeOldest(whole);
        if (oldest) stripped.add(strip(oldest));
      }
      while (whole.size + stripped.size > keep.jobs) {
        const oldest = takeOldest(stripped) ?? takeOldest(whole);
        if (oldest) forget(oldest);
      }
    },
  };
}

const sizeOf = ({ inputBytes, outcome }: Job): number => inputBytes + (outcome?.body.length ?? 0);

function strip(job: Job): Job {
  job.payload = "dropped";
  job.input = undefined;
  delete job.text;
  if (job.outcome) job.outcome = { ...job.outcome, body: "" };
  return job;
}
