import { eventLog } from "../base/event-log.ts";
import { MalformedReplyError } from "../errors/network.ts";
import type { Ticket } from "../journal/call.ts";
import type { Queue } from "../queue/queue.ts";
import type { WireStatus } from "../queue/wire.ts";
import { statusFold } from "./events.ts";
import { type QueueStatus, toQueueStatus } from "./queue-status.ts";

/** A request's statuses as they come. Leaving the loop closes the stream; the request goes on. */
export interface StatusStream extends AsyncIterable<QueueStatus> {
  /** The last status, once the stream has ended. Rejects where it broke, or ended before COMPLETED. */
  done(): Promise<QueueStatus>;
  abort(reason?: unknown): void;
}

/** Statuses that are kept for a loop that is slow; the last one is kept always. */
const KEPT_STATUSES = 1_000;

/** What a stream is read with. */
interface Reading {
  /** Whether log lines were asked for. */
  readonly logs: boolean;
  readonly controller: AbortController;
  readonly unlink: () => void;
}

export function statusStream(
  queue: Queue,
  ticket: Ticket,
  statuses: AsyncIterable<WireStatus>,
  { logs, controller, unlink }: Reading,
): StatusStream {
  const log = eventLog<QueueStatus>({
    keep: KEPT_STATUSES,
    droppable: ({ status }) => status !== "COMPLETED",
    withDropped: (status) => status,
  });
  const told = statusFold(logs);
  const ended = (async () => {
    let last: QueueStatus | undefined;
    try {
      for await (const status of statuses) {
        const events = told.take(status, statuses, 0);
        const lines = events.flatMap((event) => (event.type === "log" ? [event.log] : []));
        last = toQueueStatus(queue, ticket, status, lines);
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
