import type { Job } from "../job.ts";
import { contentIn } from "../outcomes.ts";
import { plainError } from "../replies.ts";

const KEPT_MS = 60 * 60_000;
const LARGE_KEPT_MS = 6 * 60_000;
const LARGE_BYTES = 10_000;

/** When the result of a completed request expires, in milliseconds since the epoch. */
export function keptUntil({ outcome, completedAt = 0 }: Job): number {
  const isLarge = Buffer.byteLength(outcome?.body ?? "") >= LARGE_BYTES;
  return completedAt + (isLarge ? LARGE_KEPT_MS : KEPT_MS);
}

/** Replays what the model produced: its status, its body, and what it cost. */
export function resultReply(job: Job, now: number): Response {
  const { outcome, completedAt } = job;
  if (!outcome || completedAt === undefined) return tooEarly();
  if (job.payload === "dropped") return expired(job.requestId);
  if (now > keptUntil(job)) return expired(job.requestId);
  const hasNoBody = [204, 205, 304].includes(outcome.status);
  return new Response(hasNoBody ? null : contentIn(outcome), {
    status: outcome.status,
    headers: {
      "content-type": "application/json",
      "x-fal-billable-units": String(outcome.billableUnits),
      "x-fal-request-id": job.requestId,
      ...outcome.headers,
    },
  });
}

// What fal answers too early or too late is not documented; these are the common reports.

export const tooEarly = (): Response => plainError(400, "Request is still in progress");

export const expired = (requestId: string): Response =>
  plainError(404, `The result of request ${requestId} has expired`);
