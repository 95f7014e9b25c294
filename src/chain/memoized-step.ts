import { isOfTheRun } from "../errors/registry.ts";
import { asReplayed, restoredError, savedError } from "../errors/saved-error.ts";
import { type Attempt, forgotten, heedStore, isForgotten, isOver } from "./attempt.ts";
import { tell } from "./execution.ts";
import { inScope } from "./position.ts";
import { occurrence, recordedStep, skipScope } from "./replay.ts";
import { fromJson, type Saved, toJson } from "./saved.ts";
import { functionLabel, functionScope, numbered, within } from "./step-key.ts";

/** Runs a function once in the life of a run, in a scope of its own, and remembers what it gave, or how it failed. */
export function runStep<T>(
  attempt: Attempt,
  scope: string,
  name: string,
  fn: (scope: string) => T | PromiseLike<T>,
): Promise<Saved<T>> {
  const { functionsUnderWay } = attempt.execution;
  const running = recordedOrRun(attempt, scope, name, fn);
  functionsUnderWay.set(running, name);
  const forget = () => void functionsUnderWay.delete(running);
  running.then(forget, forget);
  return running.catch((error: unknown) => {
    throw isForgotten(attempt, error) ? forgotten(attempt, `The step "${name}"`) : error;
  });
}

async function recordedOrRun<T>(
  attempt: Attempt,
  scope: string,
  name: string,
  fn: (scope: string) => T | PromiseLike<T>,
): Promise<Saved<T>> {
  const { execution, replay, replayed } = attempt;
  const { failures, fence } = execution;
  const { store, clock, hide } = execution.live.services;
  const label = functionLabel(scope, name);
  const nth = occurrence(replay, label);
  const key = numbered(label, nth);
  const own = functionScope(name, nth);
  const { record, again } = recordedStep(replay, key);
  if (record) {
    skipScope(replay, within(scope, own));
    tell(execution, { type: "step", at: clock.now(), step: name, reused: true });
    if (!record.error) return seen<T>(attempt, key, record.value);
    replayed.add(key);
    throw failures.from(key, restoredError(record.error));
  }

  const save = async (outcome: { value: string | undefined; error?: unknown }) => {
    const error = "error" in outcome ? savedError(outcome.error) : undefined;
    try {
      if (again) await store.runs.dropSteps(fence, [key]);
      await store.runs.saveStep(fence, { key, name, value: outcome.value, error, at: clock.now() });
    } catch (error) {
      heedStore(attempt, error);
      throw error;
    }
  };
  let value: string | undefined;
  try {
    value = toJson(await inScope(own, () => fn(within(scope, own))), `what the step "${name}" gave`);
  } catch (error) {
    heedStore(attempt, error);
    if (!isOver(attempt) && !isOfTheRun(error)) await save({ value: undefined, error });
    throw failures.from(key, failures.insteadOf(error, asReplayed(error, hide)));
  }
  await save({ value });
  tell(execution, { type: "step", at: clock.now(), step: name, reused: false });
  return seen<T>(attempt, key, value);
}

/** What every later reader will see; URLs in it are known from now on. */
function seen<T>({ replay }: Attempt, key: string, json: string | undefined): Saved<T> {
  const given = fromJson<T>(json);
  replay.urls.produced(key, given);
  return given;
}
