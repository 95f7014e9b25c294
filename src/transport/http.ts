import ky from "ky";
import type { Clock } from "../base/clock.ts";
import { abortable, linkedController, OVER } from "../base/signal.ts";
import type { Transport, WireReply, WireRequest } from "../base/transport.ts";
import { VERSION } from "../base/version.ts";
import type { FalKey } from "../environment/credentials.ts";
import { isTrusted } from "../environment/origins.ts";
import { AmbiguousSubmitError } from "../errors/ambiguous-submit.ts";
import { apiError, isOwnEnd } from "../errors/api.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { FalError } from "../errors/fal-error.ts";
import { MalformedReplyError, NetworkError } from "../errors/network.ts";
import { billableUnits } from "../money/billable-units.ts";
import { type Failure, failureOfError, failureOfReply } from "./failure.ts";
import { FailedAttempt, policyFor, type RetryOptions, retrying } from "./retry.ts";
import { retryBudget } from "./retry-bucket.ts";
import { readEvents } from "./sse.ts";

export interface TransportOptions {
  /** Asked at each request, so that nothing is read before the first one. */
  readonly key: () => FalKey;
  readonly trusted: () => ReadonlySet<string>;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly random: () => number;
  readonly retry?: RetryOptions | undefined;
}

/** A read that has no answer by then is given up and repeated. A submit waits as long as it takes. */
const READ_TIMEOUT_MS = 60_000;
const MAX_REDIRECTS = 5;

export function createTransport(options: TransportOptions): Transport {
  const { clock, random, retry } = options;
  const budget = retryBudget(clock);
  const mayFollow = (url: string) => isTrusted(url, options.trusted());

  return {
    mayFollow,

    async send(request, read) {
      const { operation, signal, deadline } = request;
      const policy = policyFor(operation, retry);
      try {
        return await retrying(() => attempt(request, read), {
          operation,
          policy,
          budget,
          clock,
          random,
          signal,
          deadline,
        });
      } catch (error) {
        throw error instanceof FailedAttempt ? errorOf(request, error.failure) : error;
      }
    },

    async open(request, onBytes) {
      const answered = exchange(request, "text/event-stream", request.signal);
      const { signal } = request;
      const answer = await (signal ? abortable(answered, signal) : answered).catch((error: unknown) => {
        signal?.throwIfAborted();
        throw error instanceof FalError ? error : errorOf(request, failureOfError(error));
      });
      const { response } = answer;
      const type = response.headers.get("content-type") ?? "";
      if (response.ok && response.body && type.startsWith("text/event-stream")) {
        return readEvents(response.body, { onBytes, signal });
      }
      const reply = await readReply(answer);
      const failure = failureOfReply(request.operation, reply);
      throw failure
        ? errorOf(request, failure)
        : malformed(request, `${type || "nothing"} instead of an event stream`);
    },
  };

  async function attempt<T>(request: WireRequest, read: (reply: WireReply) => T): Promise<T> {
    request.signal?.throwIfAborted();
    await request.permit?.();
    // A submit is never cut: once it is sent, its answer is worth money.
    if (request.operation === "submit") return readAnswer(request, read);

    const { controller, unlink } = linkedController(request.signal);
    const { attemptTimeout = READ_TIMEOUT_MS } = request;
    const tooLate = () => controller.abort(new Error(`no answer within ${attemptTimeout} ms`));
    clock.sleep(attemptTimeout, controller.signal).then(tooLate, () => {});
    try {
      // A fetch that was passed in may not heed the signal; a caller that gave up does not wait for it.
      return await abortable(readAnswer(request, read, controller.signal), controller.signal);
    } catch (error) {
      request.signal?.throwIfAborted();
      throw error === controller.signal.reason ? new FailedAttempt(failureOfError(error)) : error;
    } finally {
      unlink();
      controller.abort(OVER);
    }
  }

  /** @throws {FailedAttempt} for whatever went wrong on the way, @throws {FalError} for what can never go well. */
  async function readAnswer<T>(
    request: WireRequest,
    read: (reply: WireReply) => T,
    signal?: AbortSignal,
  ): Promise<T> {
    let reply: WireReply;
    try {
      reply = await readReply(await exchange(request, "application/json", signal));
    } catch (error) {
      throw error instanceof FalError ? error : new FailedAttempt(failureOfError(error));
    }
    const failure = failureOfReply(request.operation, reply);
    if (failure) throw new FailedAttempt(failure);
    try {
      return read(reply);
    } catch (cause) {
      throw new FailedAttempt({ kind: "ambiguous", why: `an unreadable answer, ${messageOf(cause)}`, cause });
    }
  }

  /**
   * One HTTP exchange, up to the headers. The key goes along only where the whole origin is one of ours, at each hop;
   * a write never follows a redirect. What is keyless goes anywhere.
   */
  async function exchange(request: WireRequest, accept: string, signal?: AbortSignal): Promise<Exchange> {
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
}

interface Exchange {
  readonly response: Response;
  /** What went along; undefined where nothing did. */
  readonly key: FalKey | undefined;
}

function redirectTarget(response: Response, from: string): string | undefined {
  const location = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null;
  return location ? (URL.parse(location, from)?.href ?? undefined) : undefined;
}

async function readReply({ response, key }: Exchange): Promise<WireReply> {
  const { headers, type, ok } = response;
  const text = await response.text();
  // Some runtimes hide a redirect that was not followed behind status 0.
  const status = type === "opaqueredirect" ? 302 : response.status;
  return { status, headers, text: ok || !key ? text : key.hideIn(text) };
}

/** The error that a failure becomes once nothing more can be tried. */
function errorOf(request: WireRequest, failure: Failure): FalError {
  const { operation, endpoint, requestId } = request;
  const { reply } = failure;
  const cause = failure.kind === "response" ? undefined : failure.cause;
  if (operation === "submit" && failure.kind === "ambiguous") {
    const claimed = reply?.headers.get("x-fal-request-id") ?? undefined;
    return new AmbiguousSubmitError(endpoint ?? "fal", failure.why, { requestId: claimed, cause });
  }
  if (reply) {
    const answer = { status: reply.status, body: parseBody(reply.text), headers: reply.headers };
    const isRead = operation === "status" || operation === "result";
    return apiError({
      ...answer,
      ...(isRead && !isOwnEnd(answer) && { billed: "unknown" }),
      // There is no request that could be billed, unless fal says that there is.
      ...(operation === "submit" && billableUnits(reply.headers) === undefined && { billed: false }),
      requestId: requestId ?? reply.headers.get("x-fal-request-id") ?? undefined,
      endpoint,
    });
  }
  const why = failure.kind === "response" ? "" : failure.why;
  if (why.startsWith("an unreadable answer")) return malformed(request, why, cause);
  return new NetworkError(
    `${URL.parse(request.url)?.origin} could not be reached for the ${operation}${endpoint ? ` of ${endpoint}` : ""} ` +
      `(${why}). Check the network and FAL_HOST.`,
    { endpoint, requestId, cause, billed: requestId ? "unknown" : false },
  );
}

const malformed = ({ operation, endpoint, requestId }: WireRequest, what: string, cause?: unknown) =>
  new MalformedReplyError(`The ${operation}${endpoint ? ` of ${endpoint}` : ""} was answered with ${what}.`, {
    endpoint,
    requestId,
    cause,
    billed: requestId ? "unknown" : false,
  });

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
