import type { StreamPart, WireRequest } from "../base/transport.ts";
import type { FalKey } from "../environment/credentials.ts";
import { FalError } from "../errors/fal-error.ts";
import { NetworkError, ReplyTooLargeError } from "../errors/network.ts";
import { chunksOf } from "./chunks.ts";
import type { Exchange } from "./exchange.ts";
import { failureOfError } from "./failure.ts";
import { hiddenIn } from "./read-reply.ts";
import { readEvents } from "./sse.ts";

export interface PartsReading {
  /** Of the whole body. */
  readonly maxBytes: number;
  /** Told of every sign of life, comments included. */
  readonly onBytes: () => void;
}

/**
 * The body of a good answer as it comes: server-sent events where it says so, else bytes. Leaving the loop, and the request's
 * `cut`, close the connection.
 *
 * @throws {NetworkError | ReplyTooLargeError} where it breaks off, or is too large.
 */
export async function* partsOf(
  request: WireRequest,
  { response, key }: Pick<Exchange, "response" | "key">,
  body: ReadableStream<Uint8Array>,
  { maxBytes, onBytes }: PartsReading,
): AsyncGenerator<StreamPart, void, void> {
  const { endpoint, cut } = request;
  const requestId = response.headers.get("x-fal-request-id") ?? undefined;
  const what = `The stream${endpoint ? ` of ${endpoint}` : ""}`;
  const facts = { endpoint, requestId, billed: "unknown" } as const;
  let size = 0;
  const count = (bytes: number) => {
    onBytes();
    size += bytes;
    if (size > maxBytes) throw new ReplyTooLargeError(what, maxBytes, facts);
  };
  const isEvents = (response.headers.get("content-type") ?? "").startsWith("text/event-stream");
  try {
    yield* isEvents ? eventsOf(body, count, key, cut) : bytesOf(body, count, key, cut);
  } catch (error) {
    cut?.throwIfAborted();
    if (error instanceof FalError) throw error;
    const { why, cause } = failureOfError(error, true, (text) => key?.hideIn(text) ?? text);
    throw new NetworkError(`${what} broke off (${why}). What it gave so far was told.`, { ...facts, cause });
  }
}

function eventsOf(
  body: ReadableStream<Uint8Array>,
  onBytes: (bytes: number) => void,
  key: FalKey | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<StreamPart, void, void> {
  let isCut = false;
  const read = (data: string) => ({ data: key?.hideIn(data) ?? data, isCut });
  const onEnd = () => {
    isCut = true;
  };
  return readEvents(body, { read, onBytes, onEnd, signal });
}

async function* bytesOf(
  body: ReadableStream<Uint8Array>,
  onBytes: (bytes: number) => void,
  key: FalKey | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<StreamPart, void, void> {
  for await (const chunk of chunksOf(body, signal)) {
    onBytes(chunk.length);
    yield { bytes: new Uint8Array(hiddenIn(new Uint8Array(chunk).buffer, key)) };
  }
}
