import { createParser } from "eventsource-parser";
import { chunksOf } from "./chunks.ts";

/**
 * The longest event that is taken in, in characters, and the most that comes without one: a hostile stream cannot eat the
 * memory, nor be read for ever. Of comments every 15 seconds it is years.
 */
const MAX_EVENT = 16 * 1024 * 1024;

export interface EventReading<T> {
  /** What the data of an event is. */
  readonly read: (data: string) => T;
  /** Told how many bytes have come. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /** Wants an event whose blank line never came too, and is told before it that the body has ended. */
  readonly onEnd?: () => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What each server-sent event of a body holds. Ends where the body ends; leaving the loop closes the connection.
 * Comments are dropped, but each chunk, a comment too, is a sign of life: `onBytes` is told. Throws the signal's reason
 * once it aborts, whether or not the body heeds it too.
 */
export async function* readEvents<T>(
  body: ReadableStream<Uint8Array>,
  { read, onBytes, onEnd, signal }: EventReading<T>,
): AsyncGenerator<T, void, void> {
  const ready: string[] = [];
  const parser = createParser({
    maxBufferSize: MAX_EVENT,
    onEvent: ({ data }) => ready.push(data),
    onError: (error) => {
      if (error.type === "max-buffer-size-exceeded") throw error;
    },
  });
  const decoder = new TextDecoder();
  let withoutEvent = 0;
  for await (const chunk of chunksOf(body, signal)) {
    onBytes?.(chunk.length);
    parser.feed(decoder.decode(chunk, { stream: true }));
    withoutEvent = ready.length > 0 ? 0 : withoutEvent + chunk.length;
    // The parser counts neither comments nor fields that it does not know.
    if (withoutEvent > MAX_EVENT) throw new Error(`more than ${MAX_EVENT} bytes without an event`);
    for (const data of ready.splice(0)) yield read(data);
  }
  if (!onEnd) return;
  onEnd();
  parser.feed(`${decoder.decode()}\n\n`);
  for (const data of ready.splice(0)) yield read(data);
}
