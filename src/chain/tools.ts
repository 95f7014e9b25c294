import { atAttribution, attributionWithin, currentAttribution } from "../attribution/context.ts";
import { bound } from "../base/async-context.ts";
import {
  callback,
  checkFunction,
  checkName,
  checkOptions,
  flag,
  limit,
  type OptionsOf,
} from "../base/options.ts";
import { openStream } from "../calls/stream.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { FalError } from "../errors/fal-error.ts";
import { endsFallback } from "../errors/registry.ts";
import { RunStateError } from "../errors/runs.ts";
import { assertOpen } from "./attempt.ts";
import { runStep } from "./memoized-step.ts";
import { atPosition, currentPosition, inScope, type Position } from "./position.ts";
import type { MapOptions, RunScope, Thunk, Tools } from "./run-scope.ts";
import type { Saved } from "./saved.ts";
import { branchScope, itemScope } from "./step-key.ts";

const CONCURRENCY = 16;
/** For a source that does not say how much it has. */
const MAX_WORKERS = 10_000;

export const tools: Tools = {
  step: (...args) => unlessForgotten(step(...args)),
  map: ((...args: Parameters<typeof map>) => unlessForgotten(map(...args))) as Tools["map"],
  branch: (...args) => {
    const given = branch(...args);
    if (given instanceof Promise) void unlessForgotten(given);
    return given;
  },
  fallback: (...args) => unlessForgotten(fallback(...args)),
};

/** What nobody awaits in a run must not end the process: the run says it. */
function unlessForgotten<T>(outcome: Promise<T>): Promise<T> {
  if (currentPosition()) outcome.catch(() => {});
  return outcome;
}

const MAP: OptionsOf<MapOptions & { collect?: boolean }> = { concurrency: limit(1), collect: flag };

async function step<T>(name: string, fn: (run: RunScope) => T | PromiseLike<T>): Promise<Saved<T>> {
  const position = currentPosition();
  if (!position) {
    throw new RunStateError(
      "run_required",
      `fal.step("${name}") was called outside a run, and only a run can remember it. Call it inside a chain, or, where ` +
        "the context was lost on the way, through the run that the chain was given: run.step.",
    );
  }
  const { code, scope } = position;
  assertOpen(code, `The step "${name}"`);
  checkName("A step's name", name);
  checkFunction("What a step does", fn);
  return code.withAttempt((attempt) =>
    runStep(attempt, scope, name, (scope) => fn(scopeOf({ code, scope }))),
  );
}

function branch<B>(name: string, fn: (run: RunScope | undefined) => B): B {
  checkName("A branch's name", name);
  checkFunction("What a branch does", fn);
  return inScope(branchScope(name), () => fn(scopeHere()));
}

async function map<A, B>(
  items: Iterable<A> | AsyncIterable<A>,
  fn: (item: A, index: number, run: RunScope | undefined) => PromiseLike<B>,
  options: MapOptions & { collect?: boolean } = {},
): Promise<B[] | PromiseSettledResult<B>[]> {
  checkOptions(options, MAP, { of: "map" });
  checkFunction("What map does with an item", fn);
  const { concurrency = CONCURRENCY, collect = false } = options;
  const source = (async function* () {
    yield* items;
  })();
  // It may be lost by the time that there is an item.
  const inItem = bound((index: number, item: A) =>
    inScope(itemScope(index), async () => fn(item, index, scopeHere())),
  );
  const outcomes: PromiseSettledResult<B>[] = [];
  let count = 0;
  let failure: { reason: unknown } | undefined;

  const work = async () => {
    while (!failure) {
      const { done, value } = await source.next();
      if (done || failure) break;
      const index = count++;
      try {
        const given = await inItem(index, value);
        outcomes[index] = { status: "fulfilled", value: given };
      } catch (reason) {
        outcomes[index] = { status: "rejected", reason };
        if (!collect) failure ??= { reason };
      }
    }
    // A failing item rejects the whole at once; other workers may go on for a while.
    if (failure) throw failure.reason;
  };
  const workers = Array.from({ length: Math.min(concurrency, sizeOf(items), MAX_WORKERS) }, work);
  try {
    await Promise.all(workers);
  } finally {
    // Not waited for: a source that has nothing to give yet would hold the failure back.
    source.return(undefined).catch(() => {});
  }
  return collect ? outcomes : outcomes.map((outcome) => (outcome as PromiseFulfilledResult<B>).value);
}

const sizeOf = (items: object): number =>
  Array.isArray(items) ? items.length : items instanceof Set || items instanceof Map ? items.size : Infinity;

async function fallback<const A extends readonly [Thunk, ...Thunk[]]>(
  attempts: A,
  options: { readonly when?: (error: FalError) => boolean } = {},
): Promise<Awaited<ReturnType<A[number]>>> {
  checkOptions(options, { when: callback }, { of: "fallback" });
  const { when = () => true } = options;
  if (!Array.isArray(attempts) || attempts.length === 0) {
    throw new InvalidArgumentError("fallback takes a list of attempts, and at least one.");
  }
  for (const attempt of attempts) checkFunction("An attempt of fallback", attempt);
  const here = attempts.map((attempt) => bound(attempt));
  for (const [index, attempt] of here.entries()) {
    try {
      return (await attempt()) as Awaited<ReturnType<A[number]>>;
    } catch (error) {
      const isLast = index === attempts.length - 1;
      if (isLast || !(error instanceof FalError) || endsFallback(error) || !when(error)) throw error;
    }
  }
  throw new InvalidArgumentError("fallback takes a list of attempts, and at least one.");
}

const scopeHere = (): RunScope | undefined => {
  const position = currentPosition();
  return position && scopeOf(position);
};

/** The run as its code has it in a place of it. */
export const scopeOf = (place: Position): RunScope => new Scope(place);

/** Its functions are its own, so that code can take them out of it. */
class Scope implements RunScope {
  readonly id: string;
  readonly chain: string;
  readonly #place: Position;

  constructor(place: Position) {
    const { plan } = place.code.live;
    this.id = plan.id;
    this.chain = plan.chain;
    this.#place = place;
  }

  /** Few ask for it, and a request of an app has none before. */
  get signal(): AbortSignal {
    return this.#place.code.live.cancelled.signal;
  }

  readonly subscribe: RunScope["subscribe"] = (endpoint, call) =>
    enter(this.#place, () => this.#place.code.live.services.calls.subscribe(endpoint, call));
  readonly stream: RunScope["stream"] = (endpoint, call) =>
    enter(this.#place, () => openStream(this.#place.code.live.services, endpoint, call));
  readonly step: RunScope["step"] = (name, fn) => enter(this.#place, () => tools.step(name, fn));
  readonly map = ((items: never, fn: never, how: never) =>
    enter(this.#place, () => tools.map(items, fn, how))) as unknown as RunScope["map"];
  readonly branch: RunScope["branch"] = (name, fn) =>
    enter(this.#place, () => tools.branch(name, fn as (run: RunScope | undefined) => never));
  readonly fallback: RunScope["fallback"] = (thunks, how) =>
    enter(this.#place, () => tools.fallback(thunks, how));
  readonly bind = ((fn) =>
    (...args) =>
      enter(this.#place, () => fn(...args))) as RunScope["bind"];
}

/** Runs `fn` within a run, wherever it is called from. */
export function enter<R>(place: Position, fn: () => R): R {
  const { observer, attribution: own, mark } = place.code;
  const known = currentPosition();
  const isHere = known?.code === place.code;
  // Where the context was lost, what is found instead is somebody else's.
  const attribution = isHere ? currentAttribution() : attributionWithin(own, mark);
  const position = isHere ? known : place;
  const entered = isHere ? fn : () => observer.within(fn);
  // The code of a request begins with what is there.
  const isThere = !isHere && attribution === currentAttribution();
  const attributed = isThere ? entered : () => atAttribution(attribution, entered);
  return atPosition(position, attributed);
}
