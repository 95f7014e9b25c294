import { currentAttribution } from "../attribution/context.ts";
import { checkUserTags, type UserTags } from "../attribution/tags.ts";
import { name } from "../base/options.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { checkBudget } from "../ledger/budget.ts";
import type { Budget } from "../money/budget.ts";
import type { StartWith } from "./plan.ts";
import { currentPosition } from "./position.ts";
import { occurrence } from "./replay.ts";
import { shortHash } from "./short-hash.ts";
import { startedForNow } from "./started-for.ts";
import { innerRunId, startLabel } from "./step-key.ts";

/**
 * What a run begins with here and now.
 *
 * @param input JSON.
 * @param inner Whether it has no id of its own.
 * @throws {InvalidArgumentError} for a bad tag.
 */
export function startWithNow(
  input: string | undefined,
  tags: UserTags,
  jobId: string | undefined,
  inner: boolean,
): StartWith {
  const all = { ...currentAttribution().tags, ...tags };
  checkUserTags(all);
  return { input, tags: textTags(all), startedFor: startedForNow(jobId, inner) };
}

const textTags = (tags: UserTags): Record<string, string> =>
  Object.fromEntries(
    Object.entries(tags).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]])),
  );

/**
 * The id of a run without one of its own, made of where it is started and with what: a random one would make a resumed run
 * start another one, and pay again. Random outside of any run.
 *
 * @param input JSON.
 */
export function idForNow(chain: string, input: string | undefined): string {
  const position = currentPosition();
  if (!position) return crypto.randomUUID();
  const { code, scope } = position;
  const { chain: outer, id: run } = code.live.plan;
  const hash = input === undefined ? "" : shortHash(input);
  const nth = occurrence(code, startLabel(scope, chain, hash));
  return innerRunId({ chain: outer, run, scope }, hash, nth);
}

/** @throws {InvalidArgumentError} */
export function checkId(id: unknown): void {
  if (name.is(id)) return;
  throw new InvalidArgumentError(`A run's id is ${name.what}. Leave it out for a random one.`);
}

/** @throws {InvalidArgumentError} */
export function checkedBudget(budget: Budget | undefined): Budget | undefined {
  if (budget) checkBudget(budget);
  // The caller may change its object afterwards.
  return budget && structuredClone(budget);
}
