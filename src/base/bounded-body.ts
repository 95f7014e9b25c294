import { abortable } from "./signal.ts";

/** A body is longer than whoever reads it is ready for. */
export class TooManyBytes extends Error {
  override readonly name = "TooManyBytes";

  constructor(most: number) {
    super(`it is longer than ${most} bytes`);
  }
}

export interface Bounds {
  readonly mostBytes: number;
  /** Ends the reading when it aborts, with its reason. */
  readonly signal: AbortSignal;
}

type Body = Pick<Request | Response, "headers" | "body">;

/**
 * The pieces of a body as they come, so that nobody's length or slowness is ours. Whichever way the reading ends, the
 * source is told to stop.
 *
 * @throws {TooManyBytes} before anything is read, where the length is told; else once it is passed.
 */
async function* piecesOf(
  { headers, body }: Body,
  { mostBytes, signal }: Bounds,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = (body as ReadableStream<Uint8Array<ArrayBuffer>> | null)?.getReader();
  try {
    let length = Number(headers.get("content-length") ?? 0);
    if (length > mostBytes) throw new TooManyBytes(mostBytes);
    length = 0;
    while (reader) {
      const { done, value } = await abortable(reader.read(), signal);
      if (done) return;
      length += value.byteLength;
      if (length > mostBytes) throw new TooManyBytes(mostBytes);
      yield value;
    }
  } finally {
    // A source that does not answer holds nobody up.
    reader?.cancel().catch(() => {});
  }
}

/** A whole body, read as `piecesOf` reads it. */
export async function bytesOf(from: Body, bounds: Bounds): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of piecesOf(from, bounds)) pieces.push(piece);
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}
