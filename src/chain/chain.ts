import { checkUserTags, type UserTags } from "../attribution/tags.ts";
import { InvalidArgumentError, RunStateError } from "../base/errors.ts";
import { wireJson } from "../base/json.ts";
import { type Run, type RunDeps, type RunScope, startRun } from "./run.ts";
import type { NotSerialisable, Saved } from "./saved.ts";

export interface StartOptions {
  /** With the chain's name it is the run's identity: starting the same id again is the same run. @default random */
  readonly id?: string;
  /** Up to five tags of your own, on every call of the run. */
  readonly tags?: UserTags;
  /** Cancels the run. */
  readonly abortSignal?: AbortSignal;
}

/** A named async function whose calls belong together. */
export interface Chain<I, O> {
  readonly name: string;
  /**
   * Starts a run, or gives the one that this client has under that id already, whether it goes on or has ended.
   *
   * @throws {RunStateError} when that run had another input. @throws {InvalidArgumentError} for a bad id, tag or input.
   */
  start(
    ...args: undefined extends I ? [input?: I, options?: StartOptions] : [input: I, options?: StartOptions]
  ): Run<O>;
}

export type DefineChain = <I, O>(
  name: string,
  fn: ((input: I, run: RunScope) => O | PromiseLike<O>) &
    ([I] extends [Saved<I>] ? unknown : NotSerialisable),
) => Chain<I, Saved<O>>;

/** Ended runs that are remembered, so that starting one again gives its outcome. */
const KEPT_RUNS = 1_000;

/**
 * Chains whose runs live in this process and are forgotten with it.
 *
 * @param deps Asked at each start, since a chain is often defined before its client is configured.
 */
export function createChains(deps: () => RunDeps): DefineChain {
  const runs = new Map<string, { input: string | undefined; run: Run<unknown> }>();

  const remember = (key: string, input: string | undefined, run: Run<unknown>) => {
    runs.set(key, { input, run });
    void run.total.then(() => {
      // Ended runs go to the back of the queue to be forgotten; those that go on are never forgotten.
      if (runs.delete(key)) runs.set(key, { input, run });
      if (runs.size > KEPT_RUNS) runs.delete(runs.keys().next().value ?? key);
    });
  };

  return (name, fn) => {
    if (name.trim() === "")
      throw new InvalidArgumentError("A chain needs a name: it is what its costs are listed under.");
    return {
      name,
      start(...[input, options = {}]) {
        const { id = crypto.randomUUID(), tags = {}, abortSignal } = options;
        if (typeof id !== "string" || id.trim() === "") {
          throw new InvalidArgumentError(
            "A run's id is a text that is not empty. Leave it out for a random one.",
          );
        }
        checkUserTags(tags);
        const json = input === undefined ? undefined : wireJson(input);
        const key = JSON.stringify([name, id]);
        const known = runs.get(key);
        if (known) return sameInput(name, id, known, json) as Run<never>;

        const run = startRun(deps(), {
          chain: name,
          id,
          tags,
          abortSignal,
          execute: async (scope) => saved(await fn(saved(input) as never, scope)),
        });
        remember(key, json, run);
        return run as Run<never>;
      },
    };
  };
}

function sameInput(
  chain: string,
  id: string,
  known: { input: string | undefined; run: Run<unknown> },
  json?: string,
) {
  if (known.input === json) return known.run;
  throw new RunStateError(
    "run_input_mismatch",
    `The run ${chain}/${id} was started with another input. Use another id for another input.`,
  );
}

/** The first execution sees what every later reader will see. */
const saved = <T>(value: T): Saved<T> =>
  (value === undefined ? value : JSON.parse(JSON.stringify(value) ?? "null")) as Saved<T>;
