import type { Ticket } from "../journal/call.ts";
import type { Queue } from "../queue/queue.ts";
import type { WireStatus } from "../queue/wire.ts";
import type { RequestLog } from "./events.ts";

export interface QueueStatusLinks {
  request_id: string;
  response_url: string;
  status_url: string;
  cancel_url: string;
}

/** A request's status in fal's own words, as the official client gives it. */
export type QueueStatus = InQueueQueueStatus | InProgressQueueStatus | CompletedQueueStatus;

export interface InQueueQueueStatus extends QueueStatusLinks {
  status: "IN_QUEUE";
  queue_position: number;
  logs?: RequestLog[];
}

export interface InProgressQueueStatus extends QueueStatusLinks {
  status: "IN_PROGRESS";
  logs: RequestLog[];
}

export interface CompletedQueueStatus extends QueueStatusLinks {
  status: "COMPLETED";
  logs: RequestLog[];
  metrics?: Metrics;
  /** A failed request is completed too. */
  error?: string;
  error_type?: string;
}

export interface Metrics {
  /** Seconds. */
  inference_time: number | null;
}

/** @param logs All lines so far: a stream's are incremental, and users of `onQueueUpdate` expect them cumulative. */
export function toQueueStatus(
  queue: Pick<Queue, "addresses">,
  ticket: Ticket,
  status: WireStatus,
  logs: readonly RequestLog[],
): QueueStatus {
  const { response, status: statusUrl, cancel } = queue.addresses(ticket);
  const common = {
    request_id: ticket.requestId,
    response_url: response,
    status_url: statusUrl,
    cancel_url: cancel,
    logs: logs.map((log) => ({ ...log })),
  };
  if (status.status === "IN_QUEUE") {
    return { ...common, status: "IN_QUEUE", queue_position: status.queue_position ?? 0 };
  }
  if (status.status === "IN_PROGRESS") return { ...common, status: "IN_PROGRESS" };
  return {
    ...common,
    status: "COMPLETED",
    ...(status.metrics && { metrics: { inference_time: status.metrics.inference_time ?? null } }),
    ...(status.error != null && {
      error: typeof status.error === "string" ? status.error : JSON.stringify(status.error),
    }),
    ...(status.error_type && { error_type: status.error_type }),
  };
}
