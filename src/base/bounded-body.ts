/** A body is longer than whoever reads it is ready for. */
export class TooManyBytes extends Error {
  override readonly name = "TooManyBytes";

  constructor(most: number) {
    super(`it is longer than ${most} bytes`);
  }
}

export interface Bounds {
  readonly mostBytes: number;
  /** Waits for what the other side gives next, and rejects where that takes too long. */
  readonly within: <T>(next: () => Promise<T>) => Promise<T>;
}

type Body = Pick<Request | Response, "headers" | "body">;

/**
 * The pieces of a body as they come, so that nobody's length or slowness is ours. Whichever way the reading ends, the
 * source is told to stop.
 *
 * @throws {TooManyBytes} before anything is read, where the length is told; else once it is passed.
 */
export async function* piecesOf(
  { headers, body }: Body,
  { mostBytes, within }: Bounds,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = (body as ReadableStream<Uint8Array<ArrayBuffer>> | null)?.getReader();
  try {
    if (Number(headers.get("content-length") ?? 0) > mostBytes) throw new TooManyBytes(mostBytes);
    for (let length = 0; reader; ) {
      const { done, value } = await within(() => reader.read());
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
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}
