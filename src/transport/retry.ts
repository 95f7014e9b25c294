import pRetry from "p-retry";
import type { Clock } from "../base/clock.ts";
import { isPaid, type Operation } from "../base/transport.ts";
import { type Failure, mayRepeat, retryAfterMs } from "./failure.ts";
import type { RetryBucket } from "./retry-bucket.ts";

/** How often and how patiently something is repeated. Times in milliseconds. */
export interface RetryPolicy {
  /** Repeats after the first attempt. 0 switches them off. */
  readonly maxRetries: number;
  /** The pause before repeat n is random between 0 and `baseDelay × backoffMultiplier^(n-1)`, at most `maxDelay`. */
  readonly baseDelay: number;
  readonly maxDelay: number;
  readonly backoffMultiplier: number;
  /** `false` waits the whole pause each time. */
  readonly enableJitter: boolean;
  /**
   * The longest time from the first attempt to the last one: a pause that would end later, whoever asks for it, is not
   * begun.
   */
  readonly maxElapsed: number;
  /**
   * HTTP statuses that are repeated, in place of the usual ones (of reads 408, 429, 499 and 5xx). Of a submit and of `run` only
   * those count that prove that fal refused it: a 429, or a 503 that says so.
   */
  readonly retryableStatusCodes?: readonly number[];
}

/** Settings for every operation, and for one kind of it. What is set here wins over the defaults. */
export interface RetryOptions extends Partial<RetryPolicy> {
  /** The one request that is paid for. Only provably refused ones are repeated, whatever is set. */
  readonly submit?: Partial<RetryPolicy>;
  /** Status, result, cancel, prices and uploads: free to repeat. */
  readonly read?: Partial<RetryPolicy>;
}

const COMMON = { baseDelay: 500, maxDelay: 30_000, backoffMultiplier: 2, enableJitter: true };
const DEFAULTS = {
  submit: { ...COMMON, maxRetries: 5, maxElapsed: 10 * 60_000 },
  // A call that is paid already outlives an outage of some minutes.
  read: { ...COMMON, maxRetries: 30, maxElapsed: 30 * 60_000 },
} as const satisfies Record<string, RetryPolicy>;

export function policyFor(operation: Operation, options: RetryOptions = {}): RetryPolicy {
  const { submit, read, ...all } = options;
  return isPaid(operation)
    ? { ...DEFAULTS.submit, ...all, ...submit }
    : { ...DEFAULTS.read, ...all, ...read };
}

/** Thrown by an attempt, so that the loop sees data and not a class. Never leaves this folder. */
export class FailedAttempt extends Error {
  override readonly name = "FailedAttempt";
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.kind === "response" ? `HTTP ${failure.reply.status}` : failure.why);
    this.failure = failure;
  }
}

export interface Retrying {
  readonly operation: Operation;
  readonly policy: RetryPolicy;
  readonly bucket: RetryBucket;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds since the epoch: a pause that would end later is not begun. */
  readonly deadline?: number | undefined;
  /** The same for what was answered: what cannot be reached is asked for beyond it. */
  readonly answeredBy?: number | undefined;
  /** Told of each attempt that failed and is repeated, before the pause. It never rejects. */
  readonly onRepeat?: (() => Promise<void>) | undefined;
  /** Told of a pause that somebody would wonder about, in milliseconds. */
  readonly onLongPause?: (ms: number, why: string) => void;
}

/** Longer than this, a pause is said. */
const LONG_PAUSE_MS = 60_000;

/**
 * The one retry loop. p-retry counts the attempts; the pause is ours, since it has to heed the server's own delay, a
 * clock that may be virtual, and an abort in the middle of it.
 *
 * @throws {FailedAttempt} with the last failure.
 */
export function retrying<T>(attempt: () => Promise<T>, how: Retrying): Promise<T> {
  const { operation, policy, bucket, clock, random, signal, deadline = Number.POSITIVE_INFINITY } = how;
  const latest = Math.min(deadline, clock.now() + policy.maxElapsed);
  // p-retry is not given the signal: it would throw away the answer to a submit that was aborted while under way.
  return pRetry(attempt, {
    retries: policy.maxRetries,
    minTimeout: 0,
    shouldRetry: async ({ error, attemptNumber }) => {
      if (
        !(error instanceof FailedAttempt) ||
        !mayRepeat(operation, error.failure, policy.retryableStatusCodes)
      )
        return false;
      const { failure } = error;
      const by = failure.reply ? Math.min(latest, how.answeredBy ?? latest) : latest;
      const delay = retryAfterMs(failure, clock.now()) ?? backoffMs(policy, attemptNumber, random);
      return (await pause(delay, error.message, by)) && pause(bucket.take(), "many repeats at once", latest);
    },
  }).catch((error: unknown) => {
    // A reason that is no Error is the caller's all the same; p-retry has put one of its own in its place.
    if (error instanceof TypeError && signal?.aborted && !(signal.reason instanceof Error))
      throw signal.reason;
    throw error;
  });

  /** False where it would end too late: then it is not begun. */
  async function pause(ms: number, why: string, by: number): Promise<boolean> {
    if (clock.now() + ms >= by) return false;
    if (ms > 0) await how.onRepeat?.();
    if (ms > LONG_PAUSE_MS) how.onLongPause?.(ms, why);
    if (ms > 0) await clock.sleep(ms, signal);
    return true;
  }
}

/** Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ */
export function backoffMs(policy: RetryPolicy, attempt: number, random: () => number): number {
  const ceiling = Math.min(policy.maxDelay, policy.baseDelay * policy.backoffMultiplier ** (attempt - 1));
  return policy.enableJitter ? random() * ceiling : ceiling;
}
