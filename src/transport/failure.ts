import { isPaid, type Operation, type WireReply } from "../base/transport.ts";

/**
 * Every way a request can end other than well, as data. What follows from it is decided per operation, below; row by
 * row it is in docs/errors.md.
 *
 * | kind | what happened | a submit | a read or a cancel |
 * | --- | --- | --- | --- |
 * | `refused` | provably not accepted: no byte left (DNS, connect, TLS), a 429, a 503 of a listed type on a submit | is repeated | is repeated |
 * | `ambiguous` | bytes may have left and no usable answer came: reset, timeout, 408, 5xx, redirect, unreadable 2xx | is never repeated | is repeated |
 * | `response` | an answer that says no | is an error | is an error |
 * | `thrown` | the fetch or the middleware that was passed in threw an error of its own | is an error where nothing can have left, else ambiguous | is an error |
 * | `too-large` | an answer that is larger than the client takes | is ambiguous | is an error |
 */
export type Failure =
  | {
      readonly kind: "refused";
      readonly why: string;
      readonly cause?: unknown;
      readonly reply?: WireReply;
      /** The same address under the second name of its host, where it could not be connected to. */
      readonly backup?: string | undefined;
    }
  | {
      readonly kind: "ambiguous";
      readonly why: string;
      readonly cause?: unknown;
      readonly reply?: WireReply;
      /** The request that an answer named before it broke off. */
      readonly claimed?: string | undefined;
    }
  | { readonly kind: "response"; readonly reply: WireReply }
  | {
      readonly kind: "thrown";
      readonly why: string;
      readonly cause?: unknown;
      readonly mayHaveLeft: boolean;
      /** Which function of the caller's. @default "fetch" */
      readonly by?: "fetch" | "requestMiddleware";
      readonly reply?: undefined;
    }
  | {
      readonly kind: "too-large";
      readonly why: string;
      readonly cause?: undefined;
      readonly maxBytes: number;
      readonly claimed: string | undefined;
      readonly reply?: undefined;
    };

/**
 * @param statuses Those that the caller would have repeated, in place of the usual ones. For what is paid for they only take
 * some away: an answer that does not prove a refusal is never a reason to pay again.
 */
export function mayRepeat(operation: Operation, failure: Failure, statuses?: readonly number[]): boolean {
  const isUsual = failure.kind === "refused" || (failure.kind === "ambiguous" && !isPaid(operation));
  const { status = 200 } = failure.reply ?? {};
  // What was no answer has no status that matters.
  if (!statuses || status < 300) return isUsual;
  // The model's own, or the caller's own deadline: it comes again.
  if (failure.kind === "response" && isOfServer(status)) return false;
  return statuses.includes(status) && (isUsual || !isPaid(operation));
}

const isOfServer = (status: number): boolean => status === 408 || status === 499 || status >= 500;

/** Error codes that arise before any byte of the request is sent, in Node and in undici. */
export const NOT_SENT: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
]);

/** System calls that come before the first byte, whatever went wrong with them. */
const BEFORE_SENDING = new Set(["connect", "getaddrinfo"]);

/** What Node's fetch says, without a code, of a port that https://fetch.spec.whatwg.org/#port-blocking forbids. */
const BAD_PORT = "bad port";

/**
 * What a thrown error means. Where a runtime hides the cause, nothing is proven: ambiguous.
 *
 * @param mayHaveLeft Whether a byte of the request may have left; one of which none has is refused by whoever threw.
 * @param hide Takes the key out of a text: a fetch that was passed in may quote what it was given.
 */
export function failureOfError(
  error: unknown,
  mayHaveLeft = true,
  hide: Hide = asItIs,
): Exclude<Failure, { readonly kind: "response" }> {
  const roots = rootsOf(error);
  const notSent = roots.length > 0 && roots.every(isBeforeSending);
  const codes = new Set(roots.map(codeOf).filter((code) => code !== undefined));
  const name = error instanceof Error ? error.name : "no answer";
  const why = [...codes].join(", ") || name;
  const cause = withoutRequest(error, hide);
  if (notSent) return { kind: "refused", why, cause };
  if (mayHaveLeft && isOfNetwork(error)) return { kind: "ambiguous", why, cause };
  // What cannot be parsed is quoted by the error, and may be a prompt.
  const message = error instanceof Error && !(error instanceof SyntaxError) ? error.message : "";
  const said = message ? `${name}: ${hide(message).slice(0, 300)}` : name;
  return { kind: "thrown", why: said, cause, mayHaveLeft };
}

type Hide = (text: string) => string;
const asItIs: Hide = (text) => text;

/** The codes of networks, streams and TLS, in Node, undici, Deno and Bun: an argument that is wrong has others. */
const NETWORK_CODES =
  /^(E(?!RR_)[A-Z0-9_]+|UND_ERR_(?!INVALID_)\w+|ABORT_ERR|ERR_(TLS|SSL|STREAM|SOCKET|HTTP2|NETWORK)\w*|CERT_\w+|(DEPTH_ZERO_)?SELF_SIGNED\w*|UNABLE_TO_\w+|HPE_\w+|Z_\w+|[A-Z][a-z]+([A-Z][a-z]+)+|Timeout)$/;

/** What a give-up is called, and node-fetch's own class. */
const NETWORK_NAMES: ReadonlySet<string> = new Set([
  "AbortError",
  "TimeoutError",
  "NetworkError",
  "FetchError",
]);

/** How runtimes word that a network failed, most of which give no code: undici, browsers, React Native, Deno, Bun, workerd. */
const NETWORK_WORDS =
  /^$|fetch failed|failed to fetch|load failed|network ?error|network (connection|request)|internet connection|connection (was |is )?(lost|closed|reset|refused|error|limit|failed)|(unable|could not|failed) to connect|socket|error sending request|(decoding|reading) response body|body error|^terminated$|timed? ?out|premature close|unexpected end|hang up|^internal error|decompress|^cancell?ed$/i;

/**
 * Whether an error is one of the network, and not one that a fetch of the caller's own threw by itself, as for an address
 * that it does not let through, or by mistake. What is no Error at all says nothing.
 */
function isOfNetwork(error: unknown, depth = 0): boolean {
  if (!(error instanceof Error)) return depth === 0;
  const { code } = error as { code?: unknown };
  if (typeof code === "string" ? NETWORK_CODES.test(code) : NETWORK_WORDS.test(error.message)) return true;
  if (NETWORK_NAMES.has(error.name)) return true;
  const members: unknown[] = error instanceof AggregateError ? error.errors : [];
  return depth < 8 && [error.cause, ...members].some((inner) => isOfNetwork(inner, depth + 1));
}

function isBeforeSending(root: Error): boolean {
  const { syscall } = root as { syscall?: unknown };
  const code = codeOf(root);
  return (
    code !== undefined && (NOT_SENT.has(code) || code === BAD_PORT || BEFORE_SENDING.has(String(syscall)))
  );
}

function codeOf(root: Error): string | undefined {
  const { code } = root as { code?: unknown };
  if (typeof code === "string") return code;
  return root.message === BAD_PORT ? BAD_PORT : undefined;
}

/** The own properties that errors of Node's network have. */
const HARMLESS = ["name", "message", "stack", "code", "errno", "syscall", "hostname", "address", "port"];

/**
 * ky's errors hold the Request, and with it the key; so may those of a fetch that was passed in. So of a thrown error
 * only a copy is kept, of what network errors have, all along its causes.
 */
function withoutRequest(error: unknown, hide: Hide, depth = 0): Error | undefined {
  if (!(error instanceof Error) || depth > 8) return undefined;
  if ("request" in error && error.cause instanceof Error) return withoutRequest(error.cause, hide, depth + 1);
  const cause = withoutRequest(error.cause, hide, depth + 1);
  const options = cause ? { cause } : {};
  const copy =
    error instanceof AggregateError
      ? new AggregateError(
          error.errors.map((member) => withoutRequest(member, hide, depth + 1) ?? new Error("not an error")),
          hide(error.message),
          options,
        )
      : new Error(hide(error.message), options);
  for (const name of HARMLESS) {
    const value: unknown = error[name as keyof Error];
    if (typeof value !== "string" && typeof value !== "number") continue;
    Object.defineProperty(copy, name, {
      value: typeof value === "string" ? hide(value) : value,
      configurable: true,
      writable: true,
      enumerable: !(name in copy),
    });
  }
  return copy;
}

/**
 * The errors at the ends of an error's chain of causes. An aggregate (one error per address that was tried) counts with
 * all its members, so it proves something only if every member does.
 */
function rootsOf(error: unknown, depth = 0): Error[] {
  if (!(error instanceof Error) || depth > 8) return [];
  if (error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.flatMap((member) => {
      const roots = rootsOf(member, depth + 1);
      return roots.length > 0 ? roots : [new Error("not an error")];
    });
  }
  const deeper = rootsOf(error.cause, depth + 1);
  return deeper.some((root) => codeOf(root) !== undefined) ? deeper : [error];
}

/** fal's 503s of requests that were not taken: https://fal.ai/docs/documentation/model-apis/request-errors */
export const NOT_TAKEN: ReadonlySet<string> = new Set([
  "runner_scheduling_failure",
  "runner_connection_timeout",
  "runner_disconnected",
  "runner_connection_refused",
  "runner_connection_error",
]);

/** What an answer outside 2xx means; undefined where it is a good one. */
export function failureOfReply(operation: Operation, reply: WireReply): Failure | undefined {
  const { status, headers } = reply;
  if (status >= 200 && status < 300) return undefined;
  if (status === 429) return { kind: "refused", why: "HTTP 429", reply };
  if (operation === "submit" && status === 503 && NOT_TAKEN.has(headers.get("x-fal-error-type") ?? "")) {
    return { kind: "refused", why: `HTTP 503 ${headers.get("x-fal-error-type")}`, reply };
  }
  if (isModelsOwnAnswer(operation, reply)) return { kind: "response", reply };
  // The caller's own deadline has passed, and passes again.
  if (!isPaid(operation) && status === 504 && headers.get("x-fal-request-timeout-type") === "user") {
    return { kind: "response", reply };
  }
  if (isOfServer(status) || (status >= 300 && status < 400)) {
    return { kind: "ambiguous", why: `HTTP ${status}`, reply };
  }
  return { kind: "response", reply };
}

/**
 * Reading the result of a failed request gives the model's own status and body, a 5xx included: final, not an outage. So does
 * a direct call.
 * The platform puts the request's id on such an answer; a proxy's error page has none. (That every model error carries
 * the header is not established: without it the read is repeated, and ends in the same answer.)
 */
const isModelsOwnAnswer = (operation: Operation, { status, headers }: WireReply): boolean =>
  (operation === "result" || operation === "direct") && isOfServer(status) && headers.has("x-fal-request-id");

/**
 * How long the server asks to wait, in milliseconds: `Retry-After-Ms`, or `Retry-After` in seconds or as a date.
 * Whether fal sends any of them on inference is not established.
 */
export function retryAfterMs(failure: Failure, now: number): number | undefined {
  const headers = failure.reply?.headers;
  const ms = headers?.get("retry-after-ms");
  if (ms && /^\d+(\.\d+)?$/.test(ms.trim())) return Number(ms);
  const value = headers?.get("retry-after")?.trim();
  if (!value) return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  // A date names its month; without this, a negative number would be taken for a year.
  const date = /[a-z]{3}/i.test(value) ? Date.parse(value) : Number.NaN;
  // Both by the server's clock, where it tells: ours may be another.
  const sentAt = Date.parse(headers?.get("date") ?? "");
  return Number.isNaN(date) ? undefined : Math.max(0, date - (Number.isNaN(sentAt) ? now : sentAt));
}
