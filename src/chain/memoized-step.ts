import type { Clock } from "../base/clock.ts";
import { isOfTheRun } from "../errors/registry.ts";
import { restoredError, savedError } from "../errors/saved-error.ts";
import type { Fence, RunJournal } from "../journal/runs.ts";
import type { RunEvent } from "./events.ts";
import type { Failures } from "./failures.ts";
import { inScope } from "./position.ts";
import type { Replay } from "./replay.ts";
import type { Saved } from "./saved.ts";
import { fromJson, toJson } from "./saved-json.ts";
import { functionLabel, functionScope, numbered, within } from "./step-key.ts";

export interface StepDeps {
  readonly store: RunJournal;
  readonly clock: Clock;
  readonly fence: Fence;
  readonly failures: Failures;
  /** Steps whose failure was replayed. */
  readonly replayed: Set<string>;
  readonly push: (event: RunEvent) => void;
  /** Whether the run is over here, so that a failure tells nothing of the step. */
  readonly isOver: () => boolean;
}

/** Runs a function once in the life of a run, and remembers what it gave, or how it failed. */
export async function runStep<T>(
  deps: StepDeps,
  replay: Replay,
  { scope, name }: { readonly scope: string; readonly name: string },
  fn: () => T | PromiseLike<T>,
): Promise<Saved<T>> {
  const { store, clock, fence, failures, push } = deps;
  const label = functionLabel(scope, name);
  const nth = replay.occurrence(label);
  const key = numbered(label, nth);
  const own = functionScope(name, nth);

  const { record: known, again } = replay.step(key);
  if (known) {
    replay.skipScope(within(scope, own));
    push({ type: "step", at: clock.now(), step: name, reused: true });
    if (!known.error) return seen(known.value);
    deps.replayed.add(key);
    throw failures.from(key, restoredError(known.error));
  }

  const save = async (outcome: { value: string | undefined; error?: unknown }) => {
    const error = "error" in outcome ? savedError(outcome.error) : undefined;
    if (again) await store.dropSteps(fence, [key]);
    await store.saveStep(fence, { key, name, value: outcome.value, error, at: clock.now() });
  };
  let value: string | undefined;
  try {
    value = toJson(await inScope(own, fn), `what the step "${name}" gave`);
  } catch (error) {
    if (!deps.isOver() && !isOfTheRun(error)) await save({ value: undefined, error });
    throw failures.from(key, error);
  }
  await save({ value });
  push({ type: "step", at: clock.now(), step: name, reused: false });
  return seen(value);

  /** What every later reader will see; URLs in it are known from now on. */
  function seen(json: string | undefined): Saved<T> {
    const given = fromJson<T>(json);
    replay.produced(key, given);
    return given;
  }
}
