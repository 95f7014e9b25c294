import type { Clock } from "../base/clock.ts";
import type { Report } from "../base/report.ts";
import { abortable, linkedController, OVER } from "../base/signal.ts";
import {
  isPaid,
  MAX_REPLY_BYTES,
  type Transport,
  type WireReply,
  type WireRequest,
  type WireStream,
} from "../base/transport.ts";
import { backupOf, isTrusted } from "../environment/origins.ts";
import { FalError } from "../errors/fal-error.ts";
import { type Exchange, type ExchangeOptions, exchange, type Sending } from "./exchange.ts";
import { failureOfError, failureOfReply } from "./failure.ts";
import type { RequestMiddleware } from "./middleware.ts";
import { createOutages, type Outages } from "./outage.ts";
import { partsOf } from "./parts.ts";
import { headersWithout, readReply, TooLarge } from "./read-reply.ts";
import { errorOf, malformed } from "./reply-error.ts";
import { type ResponseHandler, tellOf } from "./response-handler.ts";
import { FailedAttempt, policyFor, type RetryOptions, retrying } from "./retry.ts";
import { retryBucket } from "./retry-bucket.ts";
import { createRoute } from "./route.ts";
import { readEvents } from "./sse.ts";
import { type Headway, withinTime } from "./within-time.ts";

export interface TransportOptions extends Omit<ExchangeOptions, "route"> {
  readonly middleware?: RequestMiddleware | undefined;
  readonly isKept?: ((url: string) => boolean) | undefined;
  readonly responseHandler?: ResponseHandler<unknown> | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly retry?: RetryOptions | undefined;
  readonly report: Report;
  /** @default 64 MiB */
  readonly maxReplyBytes?: number | undefined;
}

/**
 * A submit is not cut, and its answer is waited for longer than any fetch of a runtime waits: then its request is looked up.
 * Only a fetch of somebody's own may never end.
 */
const SUBMIT_TIMEOUT_MS = 6 * 60_000;
/** The rest of a submit's answer, whose head has come, is waited for so long: then its request is looked up. */
const SUBMITTED_TIMEOUT_MS = 5 * 60_000;

/** What all requests of a client go through. */
interface Wire extends TransportOptions, ExchangeOptions {
  readonly outages: Outages;
  readonly tell: ((reply: WireReply) => void) | undefined;
}

export function createTransport(options: TransportOptions): Transport {
  const { clock, random, retry } = options;
  const bucket = retryBucket(clock);
  const wire: Wire = {
    ...options,
    route: createRoute(options),
    tell: tellOf(options),
    outages: createOutages({
      clock,
      probe: (origin) => probe(wire, origin),
      onOutage: (origin, why) => sayOutage(wire, origin, why),
    }),
  };
  const repeated = <T>(request: WireRequest, attempt: (request: WireRequest) => Promise<T>): Promise<T> => {
    let { url } = request;
    const attemptThere = () =>
      attempt(url === request.url ? request : { ...request, url }).catch((error: unknown) => {
        // What could not be connected to is repeated under the other name of its host.
        const failure = error instanceof FailedAttempt ? error.failure : undefined;
        url = (failure?.kind === "refused" && failure.backup) || request.url;
        throw error;
      });
    const { operation, signal, deadline, answeredBy, onRepeat } = request;
    const policy = policyFor(operation, retry);
    const onLongPause = (ms: number, why: string) => sayPause(options, request, ms, why);
    const limits = { signal, deadline, answeredBy, onRepeat, onLongPause };
    return retrying(attemptThere, { operation, policy, bucket, clock, random, ...limits }).catch(
      toError(request),
    );
  };
  return {
    patienceMs: policyFor("platform", retry).maxElapsed,
    mayFollow: (url) => isTrusted(url, options.trusted()),
    open: (request, read, onBytes) => openStream(wire, request, read, onBytes),
    whenReachable: (request) => whenReachable(wire, request, false).catch(toError(request)),
    send: (request, read) => repeated(request, (there) => tryOnce(wire, there, read)),
    stream: (request, onBytes, read) => repeated(request, (there) => streamOnce(wire, there, onBytes, read)),
  };
}

/** @throws {FailedAttempt} where a submit would have to wait too long: nothing of it has left. */
async function whenReachable(wire: Wire, request: WireRequest, isSending: boolean): Promise<void> {
  const { url, deadline = Number.POSITIVE_INFINITY, signal } = request;
  const { outages, clock } = wire;
  if (!outages.areAt(url)) return;
  const until = Math.min(deadline, clock.now() + policyFor(request.operation, wire.retry).maxElapsed);
  if (await outages.over(url, { until, signal, isSending })) return;
  throw new FailedAttempt({ kind: "refused", why: `${outages.whyAt(url)}, and no answer since` });
}

const PROBE_TIMEOUT_MS = 10_000;

/** Any answer will do. */
async function probe(wire: Wire, origin: string): Promise<void> {
  const request = { operation: "platform", method: "GET", url: `${origin}/`, keyless: "probe" } as const;
  const asked = withinTime(wire, { attemptTimeout: PROBE_TIMEOUT_MS }, async ({ signal }) => {
    const { response } = await answerTo(wire, request, "*/*", signal);
    response.body?.cancel().catch(() => {});
  });
  await asked.catch(() => {});
}

function sayOutage({ report }: Wire, origin: string, why: string): void {
  report(`${origin} does not answer`, new Error(`${why}; submits wait until it does`));
}

async function openStream<T>(
  wire: Wire,
  request: WireRequest,
  read: (data: string) => T,
  onBytes: (() => void) | undefined,
): Promise<AsyncIterable<T>> {
  const answered = answerTo(wire, request, "text/event-stream", request.signal);
  const { signal } = request;
  const answer = await (signal ? abortable(answered, signal) : answered).catch((error: unknown) => {
    signal?.throwIfAborted();
    return toError(request)(error);
  });
  const { response } = answer;
  const type = response.headers.get("content-type") ?? "";
  if (response.ok && response.body && type.startsWith("text/event-stream")) {
    // Whoever was sent the key may quote it.
    const keyless = (data: string) => read(answer.key?.hideIn(data) ?? data);
    return readEvents(response.body, { read: keyless, onBytes, signal });
  }
  const reply = await bodyOf(wire, request, answer).catch(toError(request));
  const failure = failureOfReply(request.operation, reply);
  throw failure
    ? errorOf(request, failure)
    : malformed(request, `${type || "nothing"} instead of an event stream`);
}

/** What an attempt threw leaves this folder as an error of a class. */
const toError =
  (request: WireRequest) =>
  (error: unknown): never => {
    throw error instanceof FailedAttempt ? errorOf(request, error.failure) : error;
  };

/** Nobody waits for a minute and more in silence. */
function sayPause({ report }: TransportOptions, request: WireRequest, ms: number, why: string): void {
  const { operation, endpoint, requestId } = request;
  const about = { endpoint, request_id: requestId };
  const pause = new Error(`it was answered with ${why}, and is sent again in ${Math.round(ms / 1000)} s`);
  report(`The ${operation}${endpoint ? ` of ${endpoint}` : ""} waits`, pause, about);
}

/** One try of a request. A caller that gives up is told at once, except of a submit. */
async function tryOnce<T>(wire: Wire, request: WireRequest, read: (reply: WireReply) => T): Promise<T> {
  request.signal?.throwIfAborted();
  const reply = await (isPaid(request.operation)
    ? answeredOnce(wire, request, (answer) => bodyOf(wire, request, answer))
    : withinTime(wire, request, async (headway) => {
        await request.permit?.();
        const answer = await answerTo(wire, request, "application/json", headway.signal);
        return bodyWithin(wire, answer, headway);
      }));
  wire.tell?.(reply);
  const failure = failureOfReply(request.operation, reply);
  if (failure) throw new FailedAttempt(failure);
  return readAs(reply, read);
}

/** What is paid for is cut by nobody but who wants it cut: once it is sent, its answer is worth money. */
async function answeredOnce<T>(
  wire: Wire,
  request: WireRequest,
  take: (answer: Exchange) => Promise<T>,
): Promise<T> {
  await whenReachable(wire, request, true);
  try {
    const head = await leaving(wire, request);
    const limits = { signal: request.cut, attemptTimeout: SUBMIT_TIMEOUT_MS };
    return await take(await withinTime(wire, limits, head));
  } catch (error) {
    if (!request.cut?.aborted) throw error;
    throw new FailedAttempt({ kind: "ambiguous", why: "its connection was closed to cancel it" });
  } finally {
    wire.outages.tried(request.url);
  }
}

/** One try of a direct call whose answer comes piece by piece; one that says no is read as a whole. */
async function streamOnce<T>(
  wire: Wire,
  request: WireRequest,
  onBytes: () => void,
  read: (reply: WireStream) => T,
): Promise<T> {
  request.signal?.throwIfAborted();
  return answeredOnce(wire, request, async (answer) => {
    const { response, key } = answer;
    const { body, status } = response;
    const { maxReplyBytes: maxBytes = MAX_REPLY_BYTES } = wire;
    if (response.ok && typeof body?.getReader === "function") {
      const reply = {
        status,
        headers: headersWithout(response.headers, key),
        parts: partsOf(request, answer, body, { maxBytes, onBytes }),
      };
      return readAs(reply, read);
    }
    const reply = await bodyOf(wire, request, answer);
    throw new FailedAttempt(
      failureOfReply(request.operation, reply) ?? {
        kind: "ambiguous",
        why: "an answer without a body",
        reply,
      },
    );
  });
}

/** @throws {FailedAttempt} where nobody can make sense of it. */
function readAs<R extends { readonly headers: Headers }, T>(reply: R, read: (reply: R) => T): T {
  try {
    return read(reply);
  } catch (cause) {
    const why = `an unreadable answer, ${messageOf(cause)}`;
    throw new FailedAttempt({ kind: "ambiguous", why, cause, claimed: claimedBy(reply) });
  }
}

/** A submit on its way, whose time counts from when it leaves: getting there has bounds of its own. */
async function leaving(wire: Wire, request: WireRequest): Promise<(headway: Headway) => Promise<Exchange>> {
  const left = Promise.withResolvers<void>();
  const { controller, unlink } = linkedController(request.cut);
  const permit = async () => {
    await request.permit?.();
    left.resolve();
  };
  const cut = request.cut && controller.signal;
  const answered = answerTo(wire, { ...request, permit }, request.accept ?? "application/json", cut);
  answered.catch(() => left.resolve()).finally(unlink);
  await left.promise;
  return ({ signal }) => {
    const cutToo = () => signal.reason !== OVER && controller.abort(signal.reason);
    signal.addEventListener("abort", cutToo, { once: true });
    return answered;
  };
}

/** The head of an answer. @throws {FailedAttempt} for whatever went wrong on the way, {FalError} for what can never go well. */
async function answerTo(
  wire: Wire,
  request: WireRequest,
  accept: string,
  signal?: AbortSignal,
): Promise<Exchange> {
  const sending: Sending = {
    mayHaveLeft: false,
    permit: isPaid(request.operation) ? request.permit : undefined,
  };
  const { outages } = wire;
  try {
    const answer = await exchange(wire, request, accept, signal, sending);
    outages.answered(request.url, isPaid(request.operation));
    return answer;
  } catch (error) {
    if (sending.refusal) throw sending.refusal.error;
    if (error instanceof FalError) throw error;
    const { mayHaveLeft, isLate, to, key } = sending;
    const { secret } = request;
    const hide = (text: string) => {
      const hidden = key?.hideIn(text) ?? text;
      return secret === undefined ? hidden : hidden.replaceAll(secret, "…");
    };
    const found = failureOfError(error, mayHaveLeft || isLate === true, hide);
    const { why, cause } = found;
    const failure =
      isLate && !mayHaveLeft && found.kind === "ambiguous" ? { kind: "refused" as const, why, cause } : found;
    const isGivenUp = (request.signal?.aborted || request.cut?.aborted) ?? false;
    if (failure.kind !== "thrown" && !isGivenUp) {
      outages.unanswered(request.url, failure.why, failure.kind === "ambiguous");
    }
    const isMiddlewares = failure.kind === "thrown" && to === undefined;
    const backup = to === request.url ? backupOf(to) : undefined;
    if (failure.kind === "refused" && backup && isTrusted(backup, wire.trusted())) {
      throw new FailedAttempt({ ...failure, backup });
    }
    throw new FailedAttempt(isMiddlewares ? { ...failure, by: "requestMiddleware" } : failure);
  }
}

/** The rest of an answer whose head has come. @throws {FailedAttempt} */
const bodyOf = (options: TransportOptions, request: WireRequest, answer: Exchange): Promise<WireReply> =>
  withinTime(
    options,
    isPaid(request.operation)
      ? { signal: request.cut, attemptTimeout: SUBMITTED_TIMEOUT_MS }
      : { signal: request.signal },
    (headway) => bodyWithin(options, answer, headway),
  );

async function bodyWithin(
  { maxReplyBytes: maxBytes = MAX_REPLY_BYTES }: TransportOptions,
  answer: Exchange,
  headway: Headway,
): Promise<WireReply> {
  const claimed = claimedBy(answer.response);
  try {
    return await readReply(answer, { ...headway, maxBytes });
  } catch (error) {
    if (error instanceof TooLarge) {
      throw new FailedAttempt({ kind: "too-large", why: error.message, maxBytes, claimed });
    }
    // It was answered, so whatever broke then says nothing against its having been accepted.
    const { why, cause } = failureOfError(error);
    throw new FailedAttempt({ kind: "ambiguous", why, cause, claimed });
  }
}

const claimedBy = ({ headers }: { readonly headers: Headers }): string | undefined =>
  headers.get("x-fal-request-id") ?? undefined;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
