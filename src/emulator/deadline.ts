import type { Job } from "./job.ts";
import { failureOutcome } from "./outcomes.ts";
import { complete, type Requests } from "./requests.ts";

/**
 * An absolute deadline from the submit, in milliseconds from now; it never limits a run that has started. Set anew
 * whenever the request comes into the queue again.
 */
export function watchDeadline(requests: Requests, job: Job, withinMs: number): void {
  const started = new AbortController();
  const look = () => {
    if (job.state === "IN_QUEUE") return;
    job.watchers.delete(look);
    started.abort();
  };
  job.watchers.add(look);
  const signal = AbortSignal.any([started.signal, job.stop.signal]);
  requests.clock.sleep(withinMs, signal).then(
    () => {
      // That this deadline yields startup_timeout is what an older page says; unsure.
      const why = `The request did not start within ${(job.startWithinMs ?? withinMs) / 1000} s`;
      const headers = { "x-fal-request-timeout-type": "user" };
      const outcome = failureOutcome(504, "startup_timeout", why, headers);
      if (job.state === "IN_QUEUE" && complete(requests, job, outcome)) job.stop.abort();
    },
    () => {}, // it started, or ended otherwise
  );
}
