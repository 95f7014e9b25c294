import { asyncContext } from "../base/async-context.ts";
import { checkUserTags, type UserTags } from "./tags.ts";

/** On whose behalf the current code makes calls. Nested scopes merge; the inner one wins. */
export interface Attribution {
  readonly tags: UserTags;
  /** The incoming request of the app that this code answers: its `x-fal-request-id`. */
  readonly request?: string | undefined;
  readonly chain?: string | undefined;
  readonly run?: string | undefined;
}

const NOBODY: Attribution = { tags: {} };
const current = asyncContext<Attribution>();

export const currentAttribution = (): Attribution => current.get() ?? NOBODY;

/** Runs `fn` with `more` merged into the current attribution. */
export function withAttribution<R>(more: Partial<Attribution>, fn: () => R): R {
  const outer = currentAttribution();
  return current.run({ ...outer, ...more, tags: { ...outer.tags, ...more.tags } }, fn);
}

/**
 * Every call that `fn` makes, however deep, carries these tags.
 *
 * @throws {InvalidArgumentError} for a tag that fal would drop.
 */
export function withTags<R>(tags: UserTags, fn: () => R): R {
  checkUserTags(tags);
  return withAttribution({ tags }, fn);
}

/** What carries an incoming request's headers: a Request, its headers, or Node's IncomingMessage. */
export type IncomingRequest =
  | Headers
  | { readonly headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>> };

/** Every call that `fn` makes is attributed to this incoming request, by its `x-fal-request-id`. */
export const withRequest = <R>(request: IncomingRequest, fn: () => R): R =>
  withAttribution({ request: requestIdOf(request) }, fn);

/** fal's id of an incoming request, the same when fal sends it again. */
export function requestIdOf(request: IncomingRequest): string | undefined {
  const headers = request instanceof Headers ? request : request.headers;
  const id = headers instanceof Headers ? headers.get("x-fal-request-id") : headers["x-fal-request-id"];
  return (typeof id === "string" && id.trim()) || undefined;
}
