import type { Accounts } from "./accounts.ts";
import { isRootName, ROOT_CALLER, ROOT_JOB, ROOT_RUN, type Root } from "./root.ts";
import { parseBaggage, parseTraceparent } from "./w3c.ts";

/** What carries an incoming request's headers: a Request, its headers, or Node's IncomingMessage. */
export type IncomingRequest =
  | Headers
  | { readonly headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>> };

/** What an incoming request says of where it comes from, and what of it goes on to apps of our own. */
export interface Incoming {
  /** The accounts of the client that took it: what is passed on stays among them. */
  readonly own: ReadonlySet<string>;
  /** What it is a part of; undefined where its caller does not say, or is not one of ours. */
  readonly root: Root | undefined;
  /** What a caller that is not one of ours says that it is a part of. */
  readonly claimedRoot: string | undefined;
  readonly canDisableFilter: string | undefined;
  /** Lets apps of ours read the caller's restricted files. A call's reply may hold a newer one. */
  cdnToken: string | undefined;
  /** Whether the token is one that a reply held. */
  reissued: boolean;
}

/** fal's id of an incoming request, the same when fal sends it again. */
export const requestIdOf = (request: IncomingRequest): string | undefined =>
  headerOf(request, "x-fal-request-id");

/**
 * Who sent it, as fal's gateway says it; what anybody else writes there is no answer. An app of our own says for whom it calls:
 * what that costs is that one's.
 */
export function callerOf(
  request: IncomingRequest,
  { own, behindGateway }: Pick<Accounts, "own" | "behindGateway">,
): string | undefined {
  const sender = behindGateway ? headerOf(request, "x-fal-caller-user-id") : undefined;
  if (!own.has(sender ?? "")) return sender;
  const { [ROOT_CALLER]: said } = parseBaggage(headerOf(request, "baggage"), [ROOT_CALLER]);
  return isRootName(said) ? said : sender;
}

/**
 * Reads a request's headers. What they say is believed only where fal's gateway has seen to it: it sets
 * `x-fal-caller-user-id` itself and lets no caller set it. That the id of one's own account is its nickname is an
 * assumption (fal documents only that a third party's is hashed), so `ownAccounts` can list the id as well.
 */
export function readIncoming(request: IncomingRequest, { own, behindGateway }: Accounts): Incoming {
  const header = (name: string) => headerOf(request, name);
  const said = parseBaggage(header("baggage"), [ROOT_RUN, ROOT_JOB]);
  const run = isRootName(said[ROOT_RUN]) ? said[ROOT_RUN] : undefined;
  const job = isRootName(said[ROOT_JOB]) ? said[ROOT_JOB] : undefined;
  const isOurs = behindGateway && own.has(header("x-fal-caller-user-id") ?? "");
  const trace = parseTraceparent(header("traceparent"));
  const isSaid = run !== undefined || job !== undefined || trace !== undefined;
  return {
    own,
    root: isOurs && isSaid ? { run, job, trace } : undefined,
    claimedRoot: isOurs ? undefined : (run ?? job),
    canDisableFilter: behindGateway ? header("x-app-fal-can-disable-filter") : undefined,
    cdnToken: behindGateway ? header("x-fal-cdn-token") : undefined,
    reissued: false,
  };
}

/** @param name In lower case. */
function headerOf(request: IncomingRequest, name: string): string | undefined {
  const headers = isHeaders(request) ? request : request.headers;
  const value = isHeaders(headers) ? headers.get(name) : (headers[name] ?? anyCaseOf(headers, name));
  return (typeof value === "string" && value.trim()) || undefined;
}

/** Node's own are in lower case; others' may be written in any. */
function anyCaseOf<V>(headers: Readonly<Record<string, V>>, name: string): V | undefined {
  for (const key in headers) {
    if (key.length === name.length && key.toLowerCase() === name) return headers[key];
  }
  return undefined;
}

/** Other libraries have Headers of their own. */
const isHeaders = (headers: object): headers is Pick<Headers, "get"> =>
  "get" in headers && typeof headers.get === "function";
