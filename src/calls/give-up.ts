import { inBackground } from "../base/background.ts";
import { OVER, whenAborted } from "../base/signal.ts";
import { AmbiguousSubmitError } from "../errors/ambiguous-submit.ts";
import { ApiError } from "../errors/api.ts";
import {
  CallAbortedError,
  CallTimeoutError,
  type CancelOutcome,
  type Unfinished,
} from "../errors/giving-up.ts";
import type { LiveCall } from "./live-call.ts";
import type { Services } from "./services.ts";

/** The ways in which a call ends before its result: its signal, its run, its timeout. The fourth is `cancelCall`. */
export function heedSignals(services: Services, call: LiveCall): void {
  const { over, settings, run } = call;
  for (const signal of [settings.abortSignal, run?.signal]) {
    if (!signal) continue;
    const aborted = (facts: Unfinished) =>
      new CallAbortedError(call.endpoint, { ...facts, cause: signal.reason });
    whenAborted(signal, over.signal, () => giveUp(services, call, aborted));
  }
  if (run) whenAborted(run.detached, over.signal, () => detach(services, call, run.detached.reason));
  const { timeout } = settings;
  if (timeout === undefined) return;
  const late = () => giveUp(services, call, (facts) => new CallTimeoutError(call.endpoint, timeout, facts));
  services.clock.sleep(timeout, over.signal).then(late, () => {});
}

/** The caller's own wish: even a request that was adopted is cancelled for it. Never rejects. */
export async function cancelCall(services: Services, call: LiveCall): Promise<CancelOutcome> {
  giveUp(services, call, (facts) => new CallAbortedError(call.endpoint, facts), true);
  return call.cancelled ?? (call.ended === "completed" ? "too-late" : "not-sent");
}

/** The run has no use for it any more, and may have again. */
export function cancelForRun(services: Services, call: LiveCall): Promise<CancelOutcome> {
  call.isUnwanted = true;
  return cancelCall(services, call);
}

/** The call is over: listeners and timer go, and so does its slot. */
export function settle(call: LiveCall, how: "completed" | "failed"): void {
  call.ended ??= how;
  call.over.abort(OVER);
}

/** Gives a call up with an error of its own, and cancels its request. */
export function giveUp(
  services: Services,
  call: LiveCall,
  toError: (facts: Unfinished) => Error,
  isAsked = false,
): void {
  if (call.ended || call.cancelled) return;
  const cancel = inBackground(services.background, cancelUpstream(services, call, isAsked));
  call.cancelled = cancel;
  call.giveUp.abort(toError({ cancel, requestId: call.ticket?.requestId }));
}

/** It goes on upstream, and whoever goes on with its run takes it over. */
function detach({ background }: Services, call: LiveCall, reason: unknown): void {
  if (call.ended || call.cancelled) return;
  // A submit that is under way is seen through, so that its request id is noted.
  const seenThrough = Promise.allSettled([call.accepting]).then(() => "not-sent" as const);
  call.cancelled = inBackground(background, seenThrough);
  call.isDetached = true;
  call.giveUp.abort(reason);
}

/** @param isAsked Whether the caller said `cancel()`, rather than that the wait is over. */
async function cancelUpstream({ queue }: Services, call: LiveCall, isAsked: boolean): Promise<CancelOutcome> {
  // The error that this promise travels on is made first.
  await undefined;
  const isCut =
    call.settings.cancelOnAbort !== false && call.cut && call.accepting && (!call.ticket || call.isReading);
  if (isCut) {
    call.cut.abort(OVER);
    return "requested";
  }
  try {
    const accepted = await call.accepting;
    // A request that was adopted is probably ours, and that is not enough to stop it unasked.
    const mayCancel = call.settings.cancelOnAbort !== false && (isAsked || !accepted?.adopted);
    return accepted && mayCancel ? await queue.cancel(accepted.ticket).catch(whyNotCancelled) : "not-sent";
  } catch (error) {
    return error instanceof AmbiguousSubmitError ? "unknown" : "not-sent";
  }
}

const whyNotCancelled = (error: unknown): CancelOutcome =>
  error instanceof ApiError && error.status === 400 ? "too-late" : "unknown";
