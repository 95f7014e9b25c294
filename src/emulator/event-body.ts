import { brokenBody } from "./connection.ts";

/** The body of an answer that a model gives event by event. */
export interface EventBody {
  readonly body: ReadableStream<Uint8Array>;
  /** Resolves with the content type, once there is an event. */
  readonly began: Promise<string>;
  tell(event: unknown): void;
  /** @param isWhole Whether that was all; otherwise the connection breaks. */
  end(isWhole: boolean): void;
}

/** Each event is one chunk: bytes as they are where the first one is bytes, else server-sent events. */
export function eventBody(onLeave: () => void): EventBody {
  const { promise: began, resolve } = Promise.withResolvers<string>();
  const encoder = new TextEncoder();
  let isOver = false;
  let to: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      to = controller;
    },
    cancel() {
      isOver = true;
      onLeave();
    },
  });
  return {
    body,
    began,
    tell(event) {
      if (isOver) return;
      const isBytes = event instanceof Uint8Array;
      to?.enqueue(isBytes ? event : encoder.encode(`data: ${JSON.stringify(event)}\n\n`));
      resolve(isBytes ? "application/octet-stream" : "text/event-stream");
    },
    end(isWhole) {
      if (isOver) return;
      isOver = true;
      if (isWhole) to?.close();
      else to?.error(brokenBody());
    },
  };
}
