import ky from "ky";
import type { WireReply, WireRequest } from "../base/transport.ts";
import { VERSION } from "../base/version.ts";
import type { FalKey } from "../environment/credentials.ts";
import { isTrusted } from "../environment/origins.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";

export interface ExchangeOptions {
  /** Asked at each request, so that nothing is read before the first one. */
  readonly key: () => FalKey;
  readonly trusted: () => ReadonlySet<string>;
  readonly fetch: typeof fetch;
}

export interface Exchange {
  readonly response: Response;
  /** What went along; undefined where nothing did. */
  readonly key: FalKey | undefined;
}

const MAX_REDIRECTS = 5;

/**
 * One HTTP exchange, up to the headers. The key goes along only where the whole origin is one of ours, at each hop;
 * a write never follows a redirect. What is keyless goes anywhere.
 */
export async function exchange(
  options: ExchangeOptions,
  request: WireRequest,
  accept: string,
  signal?: AbortSignal,
): Promise<Exchange> {
  const mayFollow = (address: string) => isTrusted(address, options.trusted());
  let url = request.url;
  const key = request.keyless ? undefined : options.key();
  for (let hop = 0; ; hop++) {
    if (!request.keyless && !mayFollow(url)) {
      throw new InvalidArgumentError(`${URL.parse(url)?.origin ?? "The address"} is not an origin of fal.`);
    }
    const response = await ky(url, {
      method: request.method,
      headers: {
        ...request.headers,
        accept,
        ...(key && { authorization: key.header() }),
        "user-agent": `fal-chain/${VERSION}`,
      },
      fetch: options.fetch,
      redirect: "manual",
      retry: 0,
      throwHttpErrors: false,
      timeout: false,
      ...(request.body !== undefined && { body: request.body }),
      ...(signal && { signal }),
    });
    const target = redirectTarget(response, url);
    if (!target || request.method !== "GET" || hop === MAX_REDIRECTS || !mayFollow(target)) {
      return { response, key };
    }
    response.body?.cancel().catch(() => {});
    url = target;
  }
}

function redirectTarget(response: Response, from: string): string | undefined {
  const location = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null;
  return location ? (URL.parse(location, from)?.href ?? undefined) : undefined;
}

export async function readReply({ response, key }: Exchange): Promise<WireReply> {
  const { headers, type, ok } = response;
  const bytes = await response.arrayBuffer();
  // Some runtimes hide a redirect that was not followed behind status 0.
  const status = type === "opaqueredirect" ? 302 : response.status;
  let text: string | undefined;
  const decoded = () => {
    const all = new TextDecoder().decode(bytes);
    return ok || !key ? all : key.hideIn(all);
  };
  return {
    status,
    headers,
    bytes,
    get text() {
      text ??= decoded();
      return text;
    },
  };
}
