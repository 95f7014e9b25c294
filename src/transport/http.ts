import type { Clock } from "../base/clock.ts";
import type { Report } from "../base/report.ts";
import { abortable, linkedController, OVER } from "../base/signal.ts";
import type { Transport, WireReply, WireRequest } from "../base/transport.ts";
import { isTrusted } from "../environment/origins.ts";
import { FalError } from "../errors/fal-error.ts";
import { type ExchangeOptions, exchange, readReply } from "./exchange.ts";
import { failureOfError, failureOfReply } from "./failure.ts";
import { errorOf, malformed } from "./reply-error.ts";
import { FailedAttempt, policyFor, type RetryOptions, retrying } from "./retry.ts";
import { retryBucket } from "./retry-bucket.ts";
import { readEvents } from "./sse.ts";

export interface TransportOptions extends ExchangeOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly retry?: RetryOptions | undefined;
  readonly report: Report;
}

/** A read that has no answer by then is given up and repeated. A submit waits as long as it takes. */
const READ_TIMEOUT_MS = 60_000;

export function createTransport(options: TransportOptions): Transport {
  const { clock, random, retry } = options;
  const bucket = retryBucket(clock);
  return {
    mayFollow: (url) => isTrusted(url, options.trusted()),
    open: (request, onBytes) => openStream(options, request, onBytes),
    async send(request, read) {
      const { operation, signal, deadline } = request;
      const policy = policyFor(operation, retry);
      const onLongPause = (ms: number, why: string) => sayPause(options, request, ms, why);
      const how = { operation, policy, bucket, clock, random, signal, deadline, onLongPause };
      try {
        return await retrying(() => tryOnce(options, request, read), how);
      } catch (error) {
        throw error instanceof FailedAttempt ? errorOf(request, error.failure) : error;
      }
    },
  };
}

async function openStream(
  options: TransportOptions,
  request: WireRequest,
  onBytes: (() => void) | undefined,
): Promise<AsyncIterable<string>> {
  const answered = exchange(options, request, "text/event-stream", request.signal);
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
}

/** Nobody waits for a minute and more in silence. */
function sayPause({ report }: TransportOptions, request: WireRequest, ms: number, why: string): void {
  const { operation, endpoint, requestId } = request;
  const about = { endpoint, request_id: requestId };
  const pause = new Error(`it was answered with ${why}, and is sent again in ${Math.round(ms / 1000)} s`);
  report(`The ${operation}${endpoint ? ` of ${endpoint}` : ""} waits`, pause, about);
}

/** One try of a request. A caller that gives up is told at once, except of a submit. */
async function tryOnce<T>(
  options: TransportOptions,
  request: WireRequest,
  read: (reply: WireReply) => T,
): Promise<T> {
  request.signal?.throwIfAborted();
  await request.permit?.();
  // A submit is never cut: once it is sent, its answer is worth money.
  if (request.operation === "submit") return readAnswer(options, request, read);

  const { controller, unlink } = linkedController(request.signal);
  const { attemptTimeout = READ_TIMEOUT_MS } = request;
  const tooLate = () => controller.abort(new Error(`no answer within ${attemptTimeout} ms`));
  options.clock.sleep(attemptTimeout, controller.signal).then(tooLate, () => {});
  try {
    // A fetch that was passed in may not heed the signal; a caller that gave up does not wait for it.
    return await abortable(readAnswer(options, request, read, controller.signal), controller.signal);
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
  options: TransportOptions,
  request: WireRequest,
  read: (reply: WireReply) => T,
  signal?: AbortSignal,
): Promise<T> {
  let reply: WireReply;
  try {
    reply = await readReply(await exchange(options, request, "application/json", signal));
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

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
