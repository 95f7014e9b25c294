import type { Fal, RunScope } from "../index.ts";
import type { CostSum } from "../ledger/sum.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Reply } from "./reply.ts";

/**
 * What a handler gets besides its input.
 *
 * @typeParam S What the app's `setup` gives.
 */
export interface Context<S = unknown> {
  /** What `setup` has given. */
  readonly state: S;
  /** The app's client. The request is the context: calls of the global `fal` are of it too. */
  readonly fal: Fal;
  /** The run that the request is answered as; undefined for an endpoint with `run: false`. */
  readonly run: RunScope | undefined;
  /** fal's id of the request, the same when fal sends it again; outside of a runner one may be made here. */
  readonly requestId: string;
  /** Who is calling, as fal says it: hashed where it is somebody else's account. Undefined where nobody says. */
  readonly caller: string | undefined;
  /** The path that was called, as fal says it, such as `user/app/paint`; undefined where nobody says. */
  readonly endpoint: string | undefined;
  /**
   * Aborts when the request is cancelled, its caller has left, or the runner ends. Calls of the request need not be given it:
   * they are cancelled, or left for the next runner, by themselves. With `run: false` give it to them: `abortSignal: signal`.
   */
  readonly signal: AbortSignal;
  /** Writes lines that are bound to app, runner and request. */
  readonly log: Log;
  /** What the answer carries besides what the handler gives. */
  readonly reply: Reply;
  /** The incoming request. Its body is read already. */
  readonly request: Request;
  /**
   * What the calls that were made for this request have cost, those of earlier attempts too: waits until the price of each
   * that has ended is known, though not longer than five seconds. In nano-USD, with what is `unknown` beside it.
   *
   * @example reply.billableUnits = Math.ceil(((await cost()).nanoUsd * 1.2) / 1_000_000);
   */
  cost(): Promise<CostSum>;
}

/** Writes JSON lines: what is bound to it, the details, and a message. `err` may be an error. */
export interface Log extends Required<Logger> {
  /** The same log, whose lines say this too. */
  child(more: Readonly<Record<string, unknown>>): Log;
}
