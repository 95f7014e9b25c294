import { callback, checkOptions, flag, limit, type OptionsOf } from "../base/options.ts";
import { FalError } from "../errors/fal-error.ts";
import { endsFallback } from "../errors/registry.ts";
import { RunStateError } from "../errors/runs.ts";
import { runStep } from "./memoized-step.ts";
import { currentPosition, inScope } from "./position.ts";
import type { MapOptions, Thunk, Tools } from "./run-scope.ts";
import type { Saved } from "./saved.ts";
import { branchScope, itemScope } from "./step-key.ts";

const CONCURRENCY = 16;
/** For a source that does not say how much it has. */
const MAX_WORKERS = 10_000;

export const tools: Tools = { step, map: map as Tools["map"], branch, fallback };

const MAP: OptionsOf<MapOptions & { collect?: boolean }> = { concurrency: limit(1), collect: flag };

async function step<T>(name: string, fn: () => T | PromiseLike<T>): Promise<Saved<T>> {
  const position = currentPosition();
  if (!position) {
    throw new RunStateError(
      "run_required",
      `fal.step("${name}") was called outside a run, and only a run can remember it. Call it inside a chain, or, where ` +
        "the context was lost on the way, through the run that the chain was given.",
    );
  }
  return runStep(position, name, fn);
}

function branch<R>(name: string, fn: () => R): R {
  return inScope(branchScope(name), fn);
}

async function map<A, B>(
  items: Iterable<A> | AsyncIterable<A>,
  fn: (item: A, index: number) => PromiseLike<B>,
  options: MapOptions & { collect?: boolean } = {},
): Promise<B[] | PromiseSettledResult<B>[]> {
  checkOptions(options, MAP, { of: "map" });
  const { concurrency = CONCURRENCY, collect = false } = options;
  const source = (async function* () {
    yield* items;
  })();
  const outcomes: PromiseSettledResult<B>[] = [];
  let count = 0;
  let failure: { reason: unknown } | undefined;

  const work = async () => {
    while (!failure) {
      const { done, value } = await source.next();
      if (done || failure) break;
      const index = count++;
      try {
        const given = await inScope(itemScope(index), async () => fn(value, index));
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
  for (const [index, attempt] of attempts.entries()) {
    try {
      return (await attempt()) as Awaited<ReturnType<A[number]>>;
    } catch (error) {
      const isLast = index === attempts.length - 1;
      if (isLast || !(error instanceof FalError) || endsFallback(error) || !when(error)) throw error;
    }
  }
  throw new TypeError("fallback needs at least one attempt.");
}
