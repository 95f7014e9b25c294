import { type Background, inBackground } from "../base/background.ts";
import type { Clock } from "../base/clock.ts";
import { OVER, whenAborted } from "../base/signal.ts";
import { AmbiguousSubmitError } from "../errors/ambiguous-submit.ts";
import { CallAbortedError, CallTimeoutError, type CancelOutcome } from "../errors/giving-up.ts";
import type { Queue } from "../queue/queue.ts";
import type { WatchSettings } from "./options.ts";
import type { Accepted } from "./submit.ts";

/** The ways in which a call ends before its result: its signal, its timeout, its caller, `cancel()`. */
export interface GivingUp {
  /** Aborted with the very error that the call rejects with. */
  readonly signal: AbortSignal;
  /** Aborts with an `AbortError`; resolves to what became of the request. Never rejects. */
  cancel(): Promise<CancelOutcome>;
  /** Whether the call was let go rather than given up: it goes on upstream, and nothing is noted of it here. */
  readonly detached: boolean;
  /** The call is over: listeners and timer go. */
  settle(how: "completed" | "failed"): void;
}

export interface GivingUpOptions {
  readonly endpoint: () => string;
  readonly clock: Clock;
  readonly queue: Queue;
  readonly settings: WatchSettings;
  /** Further signals that mean the same as the user's own. */
  readonly also: readonly (AbortSignal | undefined)[];
  /** Lets the call go, without cancelling it. */
  readonly detach: AbortSignal | undefined;
  /** The POST under way, once it is. It is seen through before the request can be cancelled. */
  readonly submitting: () => Promise<Accepted> | undefined;
  readonly requestId: () => string | undefined;
  readonly background: Background;
}

export function givingUp(options: GivingUpOptions): GivingUp {
  const { endpoint, clock, settings, background } = options;
  const controller = new AbortController();
  const over = new AbortController();
  let ended: "completed" | "failed" | undefined;
  let cancelled: Promise<CancelOutcome> | undefined;
  let detached = false;

  const giveUp = (
    toError: (facts: { cancel: Promise<CancelOutcome>; requestId: string | undefined }) => Error,
    asked = false,
  ) => {
    if (ended || cancelled) return;
    const cancel = inBackground(background, cancelUpstream(asked));
    cancelled = cancel;
    controller.abort(toError({ cancel, requestId: options.requestId() }));
  };

  for (const signal of [settings.abortSignal, ...options.also]) {
    if (!signal) continue;
    const onAbort = () =>
      giveUp((facts) => new CallAbortedError(endpoint(), { ...facts, cause: signal.reason }));
    whenAborted(signal, over.signal, onAbort);
  }

  const onDetach = () => {
    if (ended || cancelled) return;
    // A submit that is under way is seen through, so that its request id is noted.
    const sent = Promise.resolve(options.submitting()).then(
      () => "not-sent" as const,
      () => "not-sent" as const,
    );
    cancelled = inBackground(background, sent);
    detached = true;
    controller.abort(options.detach?.reason);
  };
  if (options.detach) whenAborted(options.detach, over.signal, onDetach);

  const { timeout } = settings;
  if (timeout !== undefined) {
    const onTimeout = () => giveUp((facts) => new CallTimeoutError(endpoint(), timeout, facts));
    clock.sleep(timeout, over.signal).then(onTimeout, () => {});
  }

  return {
    signal: controller.signal,
    get detached() {
      return detached;
    },
    async cancel() {
      giveUp((facts) => new CallAbortedError(endpoint(), facts), true);
      return cancelled ?? (ended === "completed" ? "too-late" : "not-sent");
    },
    settle(how) {
      ended ??= how;
      over.abort(OVER);
    },
  };

  /** @param asked Whether the user said `cancel()`, rather than that the wait is over. */
  async function cancelUpstream(asked: boolean): Promise<CancelOutcome> {
    // The error that this promise travels on is made first.
    await undefined;
    let accepted: Accepted | undefined;
    try {
      accepted = await options.submitting();
    } catch (error) {
      return error instanceof AmbiguousSubmitError ? "unknown" : "not-sent";
    }
    // A request that was adopted is probably ours, and that is not enough to stop it unasked.
    const mayCancel = settings.cancelOnAbort !== false && (asked || !accepted?.adopted);
    return accepted && mayCancel ? options.queue.cancel(accepted.ticket) : "not-sent";
  }
}
