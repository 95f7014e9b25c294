/** A request before it is sent: what a middleware may change. */
export interface RequestConfig {
  url: string;
  method: string;
  /** Those of the call; the key, `Accept` and `User-Agent` are added later, unless they are set here. */
  headers?: Record<string, string | string[]>;
}

/** Gives the request as it is to be sent: elsewhere, or with other headers. */
export type RequestMiddleware = (request: RequestConfig) => Promise<RequestConfig>;

export interface ProxyRuntimeEnv {
  readonly isBrowser: boolean;
}

/** Where a proxy is used: in pages and their workers, everywhere, or where a function says so, asked at each request. */
export type ProxyRuntimeGate = "browser" | "always" | ((env: ProxyRuntimeEnv) => boolean);

/** A server of your own that has the key, and passes requests on to fal. */
export interface ProxyUrlConfig {
  /** A path on the page's own server, or a whole URL. */
  url: string;
  /** @default "browser" */
  when?: ProxyRuntimeGate;
}

export interface RequestProxyConfig {
  targetUrl: string;
  /** @default "browser" */
  when?: ProxyRuntimeGate;
}

/** Where a proxy finds the address that a request is meant for. Source: the official client and its proxy. */
const TARGET_URL_HEADER = "x-fal-target-url";

/**
 * One middleware of several, in this order. What is no function is left out.
 *
 * @example createFal({ requestMiddleware: withMiddleware(addTrace, withProxy({ targetUrl: "/api/fal/proxy" })) });
 */
export const withMiddleware =
  (...middlewares: readonly (RequestMiddleware | undefined)[]): RequestMiddleware =>
  async (request) => {
    let current = { ...request };
    for (const middleware of middlewares) {
      if (typeof middleware === "function") current = await middleware(current);
    }
    return current;
  };

/** Sends requests to a proxy, as `proxyUrl` does; those that go to one already stay as they are. */
export const withProxy =
  ({ targetUrl, when = "browser" }: RequestProxyConfig): RequestMiddleware =>
  async (request) => {
    const { url, headers = {} } = request;
    const isOnItsWay = Object.keys(headers).some((name) => name.toLowerCase() === TARGET_URL_HEADER);
    if (isOnItsWay || !isUsed(when)) return request;
    return { ...request, url: targetUrl, headers: { ...headers, [TARGET_URL_HEADER]: url } };
  };

const isUsed = (when: ProxyRuntimeGate): boolean => {
  if (typeof when === "function") return when({ isBrowser: isBrowser() });
  return when === "always" || isBrowser();
};

/** Whether anybody may read what is here: in a page, and in its workers, which have no document. */
export function isBrowser(): boolean {
  const { window, navigator } = globalThis as {
    readonly window?: { readonly document?: unknown };
    readonly navigator?: { readonly userAgent?: string };
  };
  // Only browsers name themselves so; servers' runtimes have a name of their own.
  return window?.document !== undefined || (navigator?.userAgent?.startsWith("Mozilla/") ?? false);
}

interface Ways {
  readonly requestMiddleware?: RequestMiddleware;
  readonly proxyUrl?: string | ProxyUrlConfig;
}

/** The middleware of a client; undefined where requests go out as they are. */
export function middlewareOf({ requestMiddleware, proxyUrl }: Ways): RequestMiddleware | undefined {
  if (!proxyUrl) return requestMiddleware;
  const { url, when } = configOf(proxyUrl);
  return withMiddleware(requestMiddleware, withProxy({ targetUrl: url, ...(when && { when }) }));
}

/** Whether requests go through `proxyUrl` now. */
export const isProxied = ({ proxyUrl }: Ways): boolean =>
  Boolean(proxyUrl) && isUsed(configOf(proxyUrl ?? "").when ?? "browser");

const configOf = (proxyUrl: string | ProxyUrlConfig): ProxyUrlConfig =>
  typeof proxyUrl === "string" ? { url: proxyUrl } : proxyUrl;
