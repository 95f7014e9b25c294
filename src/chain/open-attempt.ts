import { attributionMark } from "../attribution/context.ts";
import type { RunRecord } from "../journal/run.ts";
import { runName } from "../journal/run-name.ts";
import type { Store } from "../journal/store.ts";
import type { RunBudget } from "../ledger/budget.ts";
import { admit } from "./admitted-call.ts";
import type { Attempt } from "./attempt.ts";
import type { Execution } from "./execution.ts";
import { openReplay } from "./replay.ts";
import { fromJson } from "./saved.ts";
import { enter, scopeOf } from "./tools.ts";

/** @param retry Steps whose failure is not replayed. Each is taken out when it is asked for. */
export async function openAttempt(execution: Execution, retry: Set<string>): Promise<Attempt> {
  const { live, record, fence } = execution;
  const { store, jobId } = live.services;
  const { chain, run } = fence;
  const { request, root, job, claimedRoot } = record.startedFor ?? {};
  const itself = { run: runName(chain, run), job: job ?? jobId(), trace: undefined };
  const replay = await openReplay(execution, retry);
  const attempt: Attempt = {
    execution,
    replay,
    enclosing: {
      signal: live.cancelled.signal,
      detached: execution.released.signal,
      of: { chain, run, root: root ?? itself, claimedRoot },
      budgets: await budgetsOf(store, record),
      admit: (call) => admit(attempt, call),
    },
    attribution: { tags: record.tags, request, incoming: execution.incoming },
    mark: attributionMark(),
    replayed: new Set(),
    told: new Map(),
    labels: new Map(),
    uploads: new Map(),
    oldFiles: new Map(),
    isClosed: false,
  };
  return attempt;
}

/** As they stand now: an outer run may have been given another one since. */
async function budgetsOf(store: Store, record: RunRecord): Promise<RunBudget[]> {
  const outer = (record.startedFor?.within ?? []).map(({ chain, id }) => store.runs.get(chain, id));
  return [...(await Promise.all(outer)), record].flatMap((run) => {
    if (run?.budget === undefined) return [];
    const { chain, id, startedAt } = run;
    return [{ chain, run: id, startedAt, budget: run.budget }];
  });
}

export async function runCode(attempt: Attempt): Promise<unknown> {
  const { live, record } = attempt.execution;
  const place = { attempt, scope: "" };
  return enter(place, async () => live.plan.code(fromJson(record.input), scopeOf(place)));
}
