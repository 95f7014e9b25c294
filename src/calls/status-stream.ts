import { MalformedReplyError } from "../errors/network.ts";
import type { Ticket } from "../journal/call.ts";
import type { Queue } from "../queue/queue.ts";
import type { WireStatus } from "../queue/wire.ts";
import { type EventStream, eventStream } from "./event-stream.ts";
import { StatusFold } from "./events.ts";
import { type QueueStatus, toQueueStatus } from "./queue-status.ts";

/** A request's statuses as they come. Leaving the loop closes the stream; the request goes on. */
export type StatusStream = EventStream<QueueStatus>;

/** Statuses that are kept for a loop that is slow; the last one is kept always. */
const KEPT_STATUSES = 1_000;

/** What a stream is read with. */
interface Reading {
  /** Whether log lines were asked for. */
  readonly logs: boolean;
  readonly controller: AbortController;
  readonly unlink: () => void;
  readonly report: (what: string, error: unknown) => void;
}

export function statusStream(
  queue: Queue,
  ticket: Ticket,
  statuses: AsyncIterable<WireStatus>,
  { logs, controller, unlink, report }: Reading,
): StatusStream {
  const opened = eventStream<QueueStatus>({
    log: {
      keep: KEPT_STATUSES,
      droppable: ({ status }) => status !== "COMPLETED",
      withDropped: (status) => status,
    },
    ...{ controller, report, closesWhenLeft: true, isReported: false, onHeard() {} },
    requestId: () => ticket.requestId,
  });
  const told = new StatusFold(logs);
  const read = async () => {
    for await (const status of statuses) {
      const events = told.take(status, statuses, 0);
      const lines = events.flatMap((event) => (event.type === "log" ? [event.log] : []));
      const last = toQueueStatus(queue, ticket, status, lines);
      opened.push(last, true);
      // The server closes after this one; a server that does not must not hold us up.
      if (last.status === "COMPLETED") return last;
    }
    throw endedEarly(ticket);
  };
  read()
    .then(opened.end, (error: unknown) => {
      if (controller.signal.aborted) opened.close();
      else opened.fail(error);
    })
    .finally(unlink);
  return opened.stream;
}

export const endedEarly = ({ endpoint, requestId }: Ticket) =>
  new MalformedReplyError(`The status stream of ${endpoint} ended before COMPLETED.`, {
    endpoint,
    requestId,
    billed: "unknown",
  });
