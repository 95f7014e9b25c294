import { asyncContext } from "../base/async-context.ts";
import type { Cost } from "../base/cost.ts";
import type { CallEvent } from "./events.ts";

/** What is known of a call from its first moment. */
export interface CallInfo {
  readonly id: string;
  readonly endpoint: string;
  /** What the caller's code calls it; undefined where it does not say. */
  readonly step: string | undefined;
}

/** Told of one call's events, and of its end. */
export interface CallObserver {
  event(event: CallEvent): void;
  /** `cost` is undefined where nothing is paid, and is known a while after the end. Neither rejects. */
  ended(end: { readonly error?: unknown; readonly cost: Promise<Cost | undefined> | undefined }): void;
}

/** Whoever makes calls on behalf of something larger, such as a run: it admits them, sees them, and may stop them. */
export interface Caller {
  readonly signal: AbortSignal;
  /** @throws when no more calls may be made. */
  admit(call: CallInfo & { cancel(): Promise<unknown> }): CallObserver;
}

const current = asyncContext<Caller>();

export const currentCaller = (): Caller | undefined => current.get();
export const withCaller = <R>(caller: Caller, fn: () => R): R => current.run(caller, fn);
