import type { Fal } from "../index.ts";

type StreamOptions = Parameters<Fal["stream"]>[1];

/**
 * What a model gives piece by piece, as it comes. How it begins decides on the answer: a model that says no does so with its
 * own status. A page that leaves ends it.
 */
export async function streamed(
  { headers: asked, signal }: Request,
  fal: Pick<Fal, "stream">,
  endpoint: string,
  call: StreamOptions,
): Promise<Response> {
  const accept = asked.get("accept") ?? "text/event-stream";
  const stream = await fal.stream(endpoint, { ...call, accept, signal });
  const events = stream[Symbol.asyncIterator]();
  const first = await events.next();
  const type = first.value instanceof Uint8Array ? "application/octet-stream" : "text/event-stream";
  const headers = { "content-type": type, "cache-control": "no-store", "x-fal-request-id": stream.requestId };
  let next: typeof first | undefined = first;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const { done, value } = next ?? (await events.next());
      next = undefined;
      if (done) controller.close();
      else controller.enqueue(asBytes(value));
    },
    // What waits for the next event does not hear of a loop that is left.
    cancel: () => stream.abort(),
  });
  return new Response(body, { headers });
}

const asBytes = (event: unknown): Uint8Array<ArrayBuffer> =>
  event instanceof Uint8Array
    ? (event as Uint8Array<ArrayBuffer>)
    : new TextEncoder().encode(`data: ${JSON.stringify(event)}\n\n`);
