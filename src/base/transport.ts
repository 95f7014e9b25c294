/** What a request is for. It decides whether it may be repeated: a submit and a direct call are paid for. */
export type Operation = "submit" | "direct" | "status" | "result" | "cancel" | "platform" | "upload";

export const isPaid = (operation: Operation): boolean => operation === "submit" || operation === "direct";

/** As long as an answer may be where nobody says otherwise, in bytes. */
export const MAX_REPLY_BYTES = 64 * 2 ** 20;

export interface WireRequest {
  readonly operation: Operation;
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Blob;
  /** What kind of answer is wanted. @default JSON, or of a stream server-sent events */
  readonly accept?: string | undefined;
  /** Goes without the key, and so to any address: a file to where it was announced, a probe for its answer alone. */
  readonly keyless?: "file" | "probe";
  /** What of its address is nobody's business, and is left out of what is said. */
  readonly secret?: string;
  /** Milliseconds that one attempt may take. @default 60_000; a submit takes as long as it takes */
  readonly attemptTimeout?: number;
  /** For messages. */
  readonly endpoint?: string;
  readonly requestId?: string;
  /**
   * Ends waiting at once. A submit whose bytes may have left is never cut: for it the signal is heeded before each
   * attempt and in the pauses between them.
   */
  readonly signal?: AbortSignal | undefined;
  /** Cuts even what is paid for, once it is sent: fal cancels a direct call whose caller hangs up. */
  readonly cut?: AbortSignal | undefined;
  /** Asked right before each attempt, after every pause: when it throws, that attempt is not sent. */
  readonly permit?: (() => Promise<void>) | undefined;
  /** Told of each attempt that failed and is repeated, before the pause. It never rejects. */
  readonly onRepeat?: (() => Promise<void>) | undefined;
  /** Milliseconds since the epoch: no pause before a repeat goes beyond it. */
  readonly deadline?: number | undefined;
  /** The same for what was answered: what cannot be reached is asked for beyond it, as long as reads are. */
  readonly answeredBy?: number | undefined;
}

export interface WireReply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as it came, but for the key that it may quote. */
  readonly bytes: ArrayBuffer;
}

/**
 * A part of an answer that comes piece by piece: the data of a server-sent event, or bytes of anything else. `isCut`: the
 * answer ended before the event did.
 */
export type StreamPart =
  | { readonly data: string; readonly isCut: boolean }
  | { readonly bytes: Uint8Array<ArrayBuffer> };

/** A good answer, whose body is read as it comes. */
export interface WireStream {
  readonly status: number;
  readonly headers: Headers;
  /** To be read once, to its end or left. @throws {NetworkError | ReplyTooLargeError} where it breaks, or is too large. */
  readonly parts: AsyncIterable<StreamPart>;
}

/** The network as the other folders need it. The key is added on the other side, and only for origins that may have it. */
export interface Transport {
  /**
   * Sends, repeats what may be repeated, and reads a good answer with `read`. An answer that `read` cannot make sense
   * of counts as no usable answer.
   *
   * @throws {ApiError} for an answer that says no.
   * @throws {NetworkError} where no usable answer came to something that is free to repeat.
   * @throws {AmbiguousSubmitError} where no usable answer came to a submit.
   */
  send<T>(request: WireRequest, read: (reply: WireReply) => T): Promise<T>;
  /**
   * The same of a direct call whose good answer comes piece by piece: it ends where the answer begins, and is repeated only
   * before that.
   *
   * @param onBytes Told of every sign of life of its body.
   */
  stream<T>(request: WireRequest, onBytes: () => void, read: (reply: WireStream) => T): Promise<T>;
  /**
   * Opens a stream of server-sent events and gives what `read` makes of the data of each. Not repeated: who watches knows
   * better what to do.
   *
   * @param onBytes Told of every sign of life, comments included.
   * @throws {ApiError | NetworkError} where the stream cannot be had; from the loop where it breaks.
   */
  open<T>(request: WireRequest, read: (data: string) => T, onBytes?: () => void): Promise<AsyncIterable<T>>;
  /**
   * Waits while the host of a submit does not answer, before anything is noted of it; sending it waits likewise.
   *
   * @throws {NetworkError} where it has to wait longer than its deadline, or than submits are repeated.
   */
  whenReachable(request: WireRequest): Promise<void>;
  /** How long reads are repeated at most, in milliseconds. */
  readonly patienceMs: number;
  /** Whether a link that the server sent may be followed. */
  mayFollow(url: string): boolean;
}

let cacheIsKnown: boolean | undefined;

/** The setting of a fetch whose answer is to be a new one: frameworks keep answers, some of them for ever. */
export const uncached = (): Pick<RequestInit, "cache"> => (knowsCache() ? { cache: "no-store" } : {});

/** Older Cloudflare Workers throw at the mere sight of the setting, and cache nothing without it. */
function knowsCache(): boolean {
  if (cacheIsKnown !== undefined) return cacheIsKnown;
  try {
    new Request("https://fal.run", { cache: "no-store" });
    cacheIsKnown = true;
  } catch {
    cacheIsKnown = false;
  }
  return cacheIsKnown;
}

/** Bodies that these answers must not have. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/** An answer as it came, for somebody who reads it anew. */
export const responseOf = ({ status, headers, bytes }: WireReply): Response =>
  new Response(BODILESS.has(status) ? null : bytes, { status, headers: withoutEncoding(headers) });

/** The headers of an answer whose body is decoded already: what they say of it would be wrong. */
function withoutEncoding(headers: Headers): Headers {
  const copy = new Headers(headers);
  copy.delete("content-encoding");
  copy.delete("content-length");
  return copy;
}
