import { isEvent } from "./bodies.ts";

/** Statuses that are true in form and wrong in content. */

interface Status {
  readonly status?: unknown;
  readonly queue_position?: unknown;
  readonly [field: string]: unknown;
}

const LINKS = ["status_url", "response_url", "cancel_url"];

const leadingTo = (origin: string) => (status: Status) => ({
  ...status,
  ...Object.fromEntries(
    LINKS.flatMap((name) => {
      const link = URL.parse(String(status[name]));
      return link ? [[name, new URL(link.pathname + link.search, origin).href]] : [];
    }),
  ),
});

export const withForeignLinks = (answer: Response, origin: string): Promise<Response> =>
  rewritten(answer, leadingTo(origin));

export function withForeignLinksInEvents(
  body: ReadableStream<Uint8Array>,
  origin: string,
): ReadableStream<Uint8Array> {
  const change = leadingTo(origin);
  return eachEvent(body, (status) => [change(status)]);
}

/** A poll that falls back: into the queue, or one place further back in it. */
export async function olderStatus(answer: Response): Promise<Response> {
  if (!answer.ok) return answer;
  const older = await rewritten(answer, ({ status, request_id, queue_position, ...rest }) => ({
    status: "IN_QUEUE",
    request_id,
    ...Object.fromEntries(LINKS.map((name) => [name, rest[name]])),
    queue_position: status === "IN_QUEUE" ? Number(queue_position) + 1 : 0,
  }));
  return new Response(older.body, { status: 202, headers: older.headers });
}

/** A stream that gives its first event again after each later one. Log lines are new in any event, so it has none. */
export function repeatingTheFirst(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  let first: Status | undefined;
  return eachEvent(body, (status) => {
    if (first) return status.status === "COMPLETED" ? [status] : [status, first];
    first = Array.isArray(status["logs"]) ? { ...status, logs: [] } : status;
    return [status];
  });
}

async function rewritten(answer: Response, change: (status: Status) => Status): Promise<Response> {
  const text = JSON.stringify(change((await answer.json()) as Status));
  return new Response(text, { status: answer.status, headers: answer.headers });
}

function eachEvent(
  body: ReadableStream<Uint8Array>,
  change: (status: Status) => Status[],
): ReadableStream<Uint8Array> {
  const write = (status: Status) => new TextEncoder().encode(`data: ${JSON.stringify(status)}\n\n`);
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        if (!isEvent(chunk)) return controller.enqueue(chunk);
        const status = JSON.parse(new TextDecoder().decode(chunk).slice("data:".length)) as Status;
        for (const changed of change(status)) controller.enqueue(write(changed));
      },
    }),
  );
}
