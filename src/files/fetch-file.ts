import { type Bounds, piecesOf, TooManyBytes } from "../base/bounded-body.ts";
import { uncached } from "../base/transport.ts";
import { isLocalHost } from "../base/urls.ts";
import { NetworkError } from "../errors/network.ts";

export interface FetchFileOptions extends Bounds {
  readonly fetch: typeof fetch;
  /** Whether an address that the file's own one leads to may be asked for it. */
  readonly mayFollow: (url: URL) => boolean;
  /** Whether an address is of a host that the program itself has set. Others of this machine's network are not asked. */
  readonly isOurs: (url: URL) => boolean;
  /** What to throw where the host says that it has let the file go. */
  readonly gone: (status: number) => Error;
  /** Aborts once nobody wants the file any more. */
  readonly signal: AbortSignal;
}

export interface FetchedFile {
  readonly headers: Headers;
  /** The file itself, as it comes. */
  readonly pieces: AsyncIterable<Uint8Array<ArrayBuffer>>;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MOST_REDIRECTS = 5;

/** What says that a file is not there any more. */
export const GONE: ReadonlySet<number> = new Set([404, 410]);

/**
 * Asks for a file that a model's output names, and so for an address that somebody else has written. No key goes along:
 * file URLs are public. Nothing of this machine's own network is asked, and where an address leads elsewhere it is
 * followed only to what may be asked: else a model could have this machine ask its neighbours.
 *
 * @throws {NetworkError} where it cannot be had.
 */
export async function fetchFile(url: string, options: FetchFileOptions): Promise<FetchedFile> {
  const { fetch, mayFollow, isOurs, gone, within, signal } = options;
  let at = url;
  for (let followed = 0; ; followed++) {
    const asks = URL.parse(at);
    if (asks && /^https?:$/.test(asks.protocol) && isLocalHost(asks.hostname) && !isOurs(asks)) {
      throw new NetworkError(
        `The file ${shorten(url)} is of ${shorten(asks.origin)}, which is not asked: it is in this machine's own ` +
          "network, and not a host of fal's that is set (FAL_HOST).",
      );
    }
    const asked = () => fetch(at, { redirect: "manual", signal, ...uncached() });
    const response = await within(asked).catch((cause: unknown) => {
      throw new NetworkError(`The file ${shorten(url)} could not be reached: ${reason(cause)}.`, { cause });
    });
    if (response.ok) return { headers: response.headers, pieces: named(url, piecesOf(response, options)) };
    // Nobody waits for the end of what nobody reads.
    response.body?.cancel().catch(() => {});
    if (GONE.has(response.status)) throw gone(response.status);
    const target = URL.parse(response.headers.get("location") ?? "", at);
    if (!REDIRECTS.has(response.status) || !target || followed === MOST_REDIRECTS) {
      throw new NetworkError(`The file ${shorten(url)} could not be had (HTTP ${response.status}).`);
    }
    if (!mayFollow(target)) {
      throw new NetworkError(
        `The file ${shorten(url)} leads to ${shorten(target.origin)}, which is not asked: it is neither the file's own ` +
          "host nor fal's.",
      );
    }
    at = target.href;
  }
}

/** The same pieces; where they end too early or too late, the error says of which file. */
async function* named(url: string, pieces: AsyncIterable<Uint8Array<ArrayBuffer>>) {
  try {
    yield* pieces;
  } catch (cause) {
    const cure = cause instanceof TooManyBytes ? " Allow more with maxBytes." : "";
    throw new NetworkError(`The file ${shorten(url)} broke off before its end: ${reason(cause)}.${cure}`, {
      cause,
    });
  }
}

/** What a runtime's "fetch failed" is about stands in its cause. */
function reason(error: unknown): string {
  const told = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return told instanceof Error ? told.message : String(told);
}

/** A host of fal's own media, which a model does not choose. */
export const isFalMedia = ({ protocol, host }: URL): boolean =>
  protocol === "https:" && /(^|\.)fal\.media$/.test(host);

/** A data URI is as long as its file. */
const shorten = (url: string): string => (url.length > 120 ? `${url.slice(0, 117)}…` : url);
