import type { Job } from "../job.ts";
import { plainError } from "../replies.ts";

const KEPT_MS = 60 * 60_000;
const LARGE_KEPT_MS = 6 * 60_000;
const LARGE_BYTES = 10_000;

/** Replays what the model produced: its status, its body, and what it cost. */
export function resultReply(job: Job, now: number): Response {
  const { outcome, completedAt } = job;
  // What fal answers too early or too late is not documented; these are the common reports.
  if (!outcome || completedAt === undefined) return plainError(400, "Request is still in progress");
  const keptMs = Buffer.byteLength(outcome.body) >= LARGE_BYTES ? LARGE_KEPT_MS : KEPT_MS;
  if (now - completedAt > keptMs) {
    return plainError(404, `The result of request ${job.requestId} has expired`);
  }
  return new Response(outcome.body, {
    status: outcome.status,
    headers: {
      "content-type": "application/json",
      "x-fal-billable-units": String(outcome.billableUnits),
      "x-fal-request-id": job.requestId,
      ...outcome.headers,
    },
  });
}
