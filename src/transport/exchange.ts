import ky from "ky";
import { uncached, type WireRequest } from "../base/transport.ts";
import { VERSION } from "../base/version.ts";
import type { FalKey } from "../environment/credentials.ts";
import { isTrusted } from "../environment/origins.ts";
import { isBrowser } from "./middleware.ts";
import { has, type Route, type Routed } from "./route.ts";

export interface ExchangeOptions {
  /** Asked at each request that takes it, so that nothing is read before the first one. */
  readonly key: () => FalKey;
  readonly route: Route;
  readonly trusted: () => ReadonlySet<string>;
  /** The caller's own; undefined for the runtime's. */
  readonly fetch: typeof fetch | undefined;
}

export interface Exchange {
  readonly response: Response;
  /** What went along; undefined where nothing did. */
  readonly key: FalKey | undefined;
}

/** What is known of a request that is being made. */
export interface Sending {
  /** What goes along, and may be quoted by whoever was handed it. */
  key?: FalKey;
  /** Where it goes, once the middleware has been passed. */
  to?: string;
  /** Whether a byte of it may have left. */
  mayHaveLeft: boolean;
  /** Asked right before the first byte leaves: when it throws, none does. */
  readonly permit?: (() => Promise<void>) | undefined;
  /** Whether its network has it leave as late as can be, so that whatever fails before is refused. */
  isLate?: boolean;
  /** What it threw. */
  refusal?: { readonly error: unknown };
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
  sending: Sending = { mayHaveLeft: false },
): Promise<Exchange> {
  const mayFollow = (address: string) => isTrusted(address, options.trusted());
  let url = request.url;
  for (let hop = 0; ; hop++) {
    const routed = await options.route(request, url);
    sending.to = routed.url;
    const key = routed.takesKey ? options.key() : undefined;
    if (key) sending.key = key;
    const init: RequestInit = {
      method: request.method,
      headers: headersOf(routed, accept, key),
      redirect: "manual",
      ...(request.body !== undefined && { body: request.body }),
      ...(signal && { signal }),
    };
    // ky makes a Request of all that it is told, with a signal composed of others, and nobody reads it: the fetch has `init`.
    const response = await ky(url, {
      method: request.method,
      retry: 0,
      throwHttpErrors: false,
      timeout: false,
      fetch: () => callFetch(options.fetch, routed.url, init, sending),
    });
    // Where a proxy's redirect leads says nothing of where fal's would.
    const target = routed.url === url ? redirectTarget(response, url) : undefined;
    if (!target || request.method !== "GET" || hop === MAX_REDIRECTS || !mayFollow(target)) {
      return { response, key };
    }
    response.body?.cancel().catch(() => {});
    url = target;
  }
}

/** Browsers name themselves. */
function headersOf({ headers }: Routed, accept: string, key: FalKey | undefined): Record<string, string> {
  const all = { ...headers };
  if (!has(headers, "accept")) all["Accept"] = accept;
  if (key && !has(headers, "authorization")) all["Authorization"] = key.header();
  if (!isBrowser() && !has(headers, "user-agent")) all["User-Agent"] = `fal-chain/${VERSION}`;
  return all;
}

/**
 * Calls a fetch as the official client does, with an address and plain settings: what wraps one is written for that, and
 * could not read what it needs from a Request.
 */
async function callFetch(
  own: typeof fetch | undefined,
  url: string,
  settings: RequestInit,
  sending: Sending,
): Promise<Response> {
  // What a framework keeps of answers would be the same status for ever, or another call's request.
  const init: RequestInit = { ...settings, ...uncached() };
  const isOfRuntime = own === undefined;
  if (isOfRuntime && sending.permit && typeof init.body === "string" && isNodes(globalThis.fetch)) {
    return globalThis.fetch(url, leavingLate(init, init.body, sending));
  }
  await permitted(sending);
  // Whoever has not looked at the body cannot have sent it.
  if (isOfRuntime || init.body === undefined) sending.mayHaveLeft = true;
  const response: unknown = await (own ?? globalThis.fetch)(url, isOfRuntime ? init : watched(init, sending));
  if (typeof (response as Response | undefined)?.headers?.get === "function") return response as Response;
  throw new TypeError("it gave no Response");
}

async function permitted(sending: Sending): Promise<void> {
  try {
    await sending.permit?.();
  } catch (error) {
    sending.refusal = { error };
    throw error;
  }
}

/** Node's own, and nobody's around it. Where that is not to be seen, the request leaves as any other. */
const isNodes = (fetch: unknown): boolean =>
  typeof globalThis.process?.versions?.["undici"] === "string" && /\bundici\b/.test(String(fetch));

/**
 * Node asks for a body that is a stream once it has a connection, and sends nothing before: what takes longest, names, TCP and
 * TLS, comes before the permit. On the wire it is the same request.
 */
function leavingLate(init: RequestInit, text: string, sending: Sending): RequestInit {
  sending.isLate = true;
  const bytes = new TextEncoder().encode(text);
  // Of any other kind of stream Node reads the beginning at once.
  const source: UnderlyingByteSource = {
    type: "bytes",
    async pull(controller) {
      await permitted(sending);
      sending.mayHaveLeft = true;
      controller.enqueue(bytes);
      controller.close();
    },
  };
  const body = new ReadableStream(source);
  const headers = { ...(init.headers as Record<string, string>), "Content-Length": String(bytes.length) };
  return { ...init, headers, body, duplex: "half" } as RequestInit;
}

const watched = (init: RequestInit, sending: Sending): RequestInit =>
  new Proxy(init, {
    get(target, name) {
      if (name === "body") sending.mayHaveLeft = true;
      return Reflect.get(target, name);
    },
  });

function redirectTarget(response: Response, from: string): string | undefined {
  const location = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null;
  return location ? (URL.parse(location, from)?.href ?? undefined) : undefined;
}
