import type { Calls } from "../calls/call.ts";
import type { OpenStream } from "../calls/stream.ts";
import type { FalError } from "../errors/fal-error.ts";
import type { Saved } from "./saved.ts";

export type Thunk = () => PromiseLike<unknown>;

export interface MapOptions {
  /** How many items are worked on at once. @default 16 */
  readonly concurrency?: number;
}

/**
 * What a chain's code can use besides calls; the same functions as properties of the run bind them to it. What they run is
 * given its run once more, in the scope that it has there.
 */
export interface Tools<R = RunScope | undefined> {
  /**
   * Runs `fn` once in the life of the run, and keeps what it gave as JSON; its failure too. Killed in the middle, it is
   * run again. Steps of one name are told apart by the order in which they are asked for, so give those that run at the
   * same time names or branches of their own.
   *
   * @throws {RunStateError} outside a run. @throws {InvalidArgumentError} when JSON cannot say what it gave.
   */
  step<T>(name: string, fn: (run: RunScope) => T | PromiseLike<T>): Promise<Saved<T>>;
  /**
   * Works on each item in a scope of its own, a bounded number at once, and gives what came of them in the items' order.
   * The first failure stops it: no further item is begun. With `collect: true` every item is worked on, and each outcome
   * is given as `Promise.allSettled` gives it.
   */
  map<A, B>(
    items: Iterable<A> | AsyncIterable<A>,
    fn: (item: A, index: number, run: R) => PromiseLike<B>,
    options: MapOptions & { readonly collect: true },
  ): Promise<PromiseSettledResult<B>[]>;
  map<A, B>(
    items: Iterable<A> | AsyncIterable<A>,
    fn: (item: A, index: number, run: R) => PromiseLike<B>,
    options?: MapOptions & { readonly collect?: false },
  ): Promise<B[]>;
  /** Runs `fn` in a scope of its own, so that what it calls is told apart from equal calls beside it. */
  branch<B>(name: string, fn: (run: R) => B): B;
  /**
   * Tries one after the other until one gives something, and throws the last failure.
   *
   * @param options.when Which failures go on to the next. @default every FalError, except giving up, budgets, 401, 403
   * and ambiguous submits: those never do
   */
  fallback<const A extends readonly [Thunk, ...Thunk[]]>(
    attempts: A,
    options?: { readonly when?: (error: FalError) => boolean },
  ): Promise<Awaited<ReturnType<A[number]>>>;
}

/** What a chain's function gets besides its input: what AsyncLocalStorage does, said explicitly. */
export interface RunScope extends Tools<RunScope> {
  readonly id: string;
  readonly chain: string;
  /** Aborts when the run is cancelled. */
  readonly signal: AbortSignal;
  readonly subscribe: Calls["subscribe"];
  /** As `fal.stream` within the run: what is kept of it is its last event. */
  readonly stream: OpenStream;
  /** Gives a function that belongs to the run, wherever it is called: `await run.bind(() => fal.queue.submit(…))()`. */
  bind<F extends (...args: never[]) => unknown>(fn: F): F;
}
