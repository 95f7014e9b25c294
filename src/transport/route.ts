import { type Clock, inTime } from "../base/clock.ts";
import type { WireRequest } from "../base/transport.ts";
import { isTrusted } from "../environment/origins.ts";
import { ApiError } from "../errors/api.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import type { RequestMiddleware } from "./middleware.ts";

/** How a request leaves. */
export interface Routed {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the key goes along: to an origin of fal's only, and where nothing else says who asks. */
  readonly takesKey: boolean;
}

export type Route = (request: WireRequest, url: string) => Promise<Routed>;

/** A middleware that gives nothing by then never will, in milliseconds: a submit behind it would hold `close` up for ever. */
const MIDDLEWARE_TIMEOUT_MS = 60_000;
const LATE = new Error(`it gave nothing within ${MIDDLEWARE_TIMEOUT_MS / 1000} s`);

/** Asks the middleware how a request is to leave, where there is one. Files go where they were announced, without it. */
export function createRoute({
  middleware,
  isKept,
  trusted,
  clock,
}: {
  readonly middleware?: RequestMiddleware | undefined;
  /** Whether an address is one that a proxy which is on the way would not pass on. */
  readonly isKept?: ((url: string) => boolean) | undefined;
  readonly trusted: () => ReadonlySet<string>;
  readonly clock: Clock;
}): Route {
  return async ({ method, headers: own = {}, keyless }, target) => {
    if (!keyless && !isTrusted(target, trusted())) {
      throw new InvalidArgumentError(
        `${URL.parse(target)?.origin ?? "The address"} is not an origin of fal.`,
      );
    }
    if (!keyless && isKept?.(target)) throw ofAccount();
    const headers = namedAsOfficial(own);
    if (!middleware || keyless === "file") return { url: target, headers, takesKey: !keyless };
    const request = { url: target, method, headers: { ...headers } };
    const given = await inTime(clock, MIDDLEWARE_TIMEOUT_MS, LATE, async () => middleware(request));
    const changed = checked(given, method);
    const isKeyed = has(changed.headers, "authorization");
    return { ...changed, takesKey: !keyless && !isKeyed && isTrusted(changed.url, trusted()) };
  };
}

/** As a proxy answers it, without a request in vain beside each call. */
const ofAccount = () =>
  new ApiError({
    status: 403,
    body: {
      detail:
        "Prices, request history and the bill are the account's: ask for them on the server that has the key. They are not asked " +
        "for through proxyUrl.",
    },
  });

export const has = (headers: Readonly<Record<string, string>>, name: string): boolean =>
  Object.keys(headers).some((key) => key.toLowerCase() === name);

/** Named as the official client names them, for those who look into them. */
function namedAsOfficial(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const { "content-type": type, ...others } = headers;
  return type === undefined ? headers : { ...others, "Content-Type": type };
}

function checked(given: unknown, method: string): Pick<Routed, "url" | "headers"> {
  const { url, method: newMethod = method, headers = {} } = (given ?? {}) as Record<string, unknown>;
  if (typeof url !== "string" || url === "") throw wrong("gave no request with a url");
  if (typeof newMethod !== "string" || newMethod.toUpperCase() !== method) throw wrong("changed the method");
  if (typeof headers !== "object" || headers === null) throw wrong("gave headers that are no object");
  const flat = Object.entries(headers).flatMap(([name, value]: [string, unknown]) =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : String(value)] as const],
  );
  return { url, headers: Object.fromEntries(flat) };
}

const wrong = (what: string) =>
  new InvalidArgumentError(
    `requestMiddleware ${what}. It gives the request that it is given, with another url or other headers. Nothing was sent.`,
  );
