import type { Ticket } from "../journal/call.ts";
import type { Queue } from "../queue/queue.ts";
import type { WireLog, WireStatus } from "../queue/wire.ts";
import type { RequestLog } from "./events.ts";

export interface QueueStatusLinks {
  readonly request_id: string;
  readonly response_url: string;
  readonly status_url: string;
  readonly cancel_url: string;
}

/** A request's status in fal's own words, as the official client gives it. */
export type QueueStatus =
  | (QueueStatusLinks & {
      readonly status: "IN_QUEUE";
      readonly queue_position: number;
      readonly logs?: RequestLog[];
    })
  | (QueueStatusLinks & { readonly status: "IN_PROGRESS"; readonly logs: RequestLog[] })
  | CompletedQueueStatus;

export type InQueueStatus = Extract<QueueStatus, { status: "IN_QUEUE" }>;

export interface CompletedQueueStatus extends QueueStatusLinks {
  readonly status: "COMPLETED";
  readonly logs: RequestLog[];
  readonly metrics?: { readonly inference_time: number | null };
  /** A failed request is completed too. */
  readonly error?: string;
  readonly error_type?: string;
}

/** @param logs All lines so far: a stream's are incremental, and users of `onQueueUpdate` expect them cumulative. */
export function toQueueStatus(
  queue: Pick<Queue, "addresses">,
  ticket: Ticket,
  status: WireStatus,
  logs: readonly (RequestLog | WireLog)[],
): QueueStatus {
  const { response, status: statusUrl, cancel } = queue.addresses(ticket);
  const common = {
    request_id: ticket.requestId,
    response_url: response,
    status_url: statusUrl,
    cancel_url: cancel,
    logs: logs.map((log) => ({ ...log }) as RequestLog),
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
