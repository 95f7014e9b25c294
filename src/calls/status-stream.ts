import { eventLog } from "../base/event-log.ts";
import { MalformedReplyError } from "../errors/network.ts";
import type { Ticket } from "../journal/call.ts";
import type { Queue } from "../queue/queue.ts";
import type { WireStatus } from "../queue/wire.ts";
import { type QueueStatus, toQueueStatus } from "./queue-status.ts";

/** A request's statuses as they come. Leaving the loop closes the stream; the request goes on. */
export interface StatusStream extends AsyncIterable<QueueStatus> {
  /** The last status, once the stream has ended. Rejects where it broke, or ended before COMPLETED. */
  done(): Promise<QueueStatus>;
  abort(reason?: unknown): void;
}

export function statusStream(
  queue: Queue,
  ticket: Ticket,
  statuses: AsyncIterable<WireStatus>,
  controller: AbortController,
  unlink: () => void,
): StatusStream {
  const log = eventLog<QueueStatus>({
    keep: Number.POSITIVE_INFINITY,
    droppable: () => false,
    withDropped: (e) => e,
  });
  const ended = (async () => {
    let last: QueueStatus | undefined;
    try {
      for await (const status of statuses) {
        last = toQueueStatus(queue, ticket, status, status.logs ?? []);
        log.push(last);
      }
      if (last?.status !== "COMPLETED") throw endedEarly(ticket);
      log.end();
      return last;
    } catch (error) {
      log.fail(error);
      throw error;
    } finally {
      unlink();
    }
  })();
  // The loop tells of a failure too; whoever loops need not call done().
  ended.catch(() => {});
  return {
    done: () => ended,
    abort: (reason) => controller.abort(reason),
    async *[Symbol.asyncIterator]() {
      try {
        yield* log.read();
      } finally {
        controller.abort();
      }
    },
  };
}

export const endedEarly = ({ endpoint, requestId }: Ticket) =>
  new MalformedReplyError(`The status stream of ${endpoint} ended before COMPLETED.`, {
    endpoint,
    requestId,
    billed: "unknown",
  });
