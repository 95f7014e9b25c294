import { InvalidArgumentError } from "../errors/arguments.ts";
import type { RunRecord } from "../journal/run.ts";
import type { Store } from "../journal/store.ts";
import type { RunBudget } from "../ledger/budget.ts";
import { recordOf } from "./run-handle.ts";

/** As they stand now: an outer run may have been given another one since. */
export async function budgetsOf(store: Store, record: RunRecord): Promise<RunBudget[]> {
  const outer = (record.startedFor?.within ?? []).map(({ chain, id }) => store.runs.get(chain, id));
  return [...(await Promise.all(outer)), record].flatMap((run) => {
    if (run?.budget === undefined) return [];
    const { chain, id, startedAt } = run;
    return [{ chain, run: id, startedAt, budget: run.budget }];
  });
}

/** The same by a run's name. @throws {InvalidArgumentError} where there is no such run. */
export async function budgetsOfRun(store: Store, name: string): Promise<RunBudget[]> {
  const record = await recordOf(store, name);
  if (record) return budgetsOf(store, record);
  throw new InvalidArgumentError(`The store (${store.name}) has no run ${JSON.stringify(name)}.`);
}

/** Those of every run that has not ended, without those around it. */
export async function budgetsOfOpenRuns(store: Store): Promise<RunBudget[]> {
  const states = ["running", "blocked"] as const;
  const open = await Promise.all(
    states.map((state) => store.runs.list({ state, limit: Number.MAX_SAFE_INTEGER })),
  );
  return open
    .flat()
    .flatMap(({ chain, id, startedAt, budget }) =>
      budget === undefined ? [] : [{ chain, run: id, startedAt, budget }],
    );
}
