import type { Job, LogLine } from "./job.ts";
import type { Machine } from "./machine.ts";

export interface Links {
  readonly response_url: string;
  readonly status_url: string;
  readonly cancel_url: string;
}

/** Links are addressed to the app, not to the full endpoint id: that is what clients have been seen to get. */
export function linksOf(job: Pick<Job, "app" | "requestId">, queueBase: string): Links {
  const base = `${queueBase}/${job.app}/requests/${job.requestId}`;
  return { response_url: base, status_url: `${base}/status`, cancel_url: `${base}/cancel` };
}

/**
 * A request's status as the queue words it. `logs` holds those from number `logsFrom` on: all of them when polled, the
 * new ones in a stream, `null` when nobody asked.
 */
export function statusBody(
  job: Job,
  machine: Machine,
  queueBase: string,
  logsFrom: number | undefined,
): Record<string, unknown> {
  const common = { status: job.state, request_id: job.requestId, ...linksOf(job, queueBase) };
  if (job.state === "IN_QUEUE") return { ...common, queue_position: machine.queuePosition(job) };
  const logs = logsFrom === undefined ? null : job.logs.slice(logsFrom).map(logEntry);
  if (job.state === "IN_PROGRESS") return { ...common, logs, metrics: {} };
  const { startedAt, completedAt } = job;
  const ran = startedAt !== undefined && completedAt !== undefined;
  return {
    ...common,
    logs,
    metrics: ran ? { inference_time: (completedAt - startedAt) / 1000 } : {},
    ...(job.outcome?.failure && {
      error: job.outcome.failure.error,
      error_type: job.outcome.failure.errorType,
    }),
  };
}

/** The recorded sample has times without a zone, and empty labels. */
const logEntry = ({ at, message }: LogLine) => ({
  message,
  level: "INFO",
  source: "USER",
  timestamp: new Date(at).toISOString().slice(0, -1),
  labels: {},
});
