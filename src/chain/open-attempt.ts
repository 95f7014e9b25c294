import { atAttribution, currentAttribution } from "../attribution/context.ts";
import { inRun } from "../calls/enclosing-run.ts";
import type { RunRecord } from "../journal/run.ts";
import { runName } from "../journal/run-name.ts";
import type { Store } from "../journal/store.ts";
import type { RunBudget } from "../ledger/budget.ts";
import { admit } from "./admitted-call.ts";
import type { Attempt } from "./attempt.ts";
import type { Execution } from "./execution.ts";
import { atPosition, currentPosition } from "./position.ts";
import { openReplay } from "./replay.ts";
import type { RunScope, Tools } from "./run-scope.ts";
import { fromJson } from "./saved.ts";
import { tools } from "./tools.ts";

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
  return enter(attempt, async () => live.plan.code(fromJson(record.input), scopeOf(attempt)));
}

function scopeOf(attempt: Attempt): RunScope {
  const { live, fence } = attempt.execution;
  const { calls } = live.services;
  return {
    id: fence.run,
    chain: fence.chain,
    signal: live.cancelled.signal,
    subscribe: (endpoint, call) => enter(attempt, () => calls.subscribe(endpoint, call)),
    step: (name, fn) => enter(attempt, () => tools.step(name, fn)),
    map: ((items: never, fn: never, how: never) =>
      enter(attempt, () => tools.map(items, fn, how))) as Tools["map"],
    branch: (name, fn) => enter(attempt, () => tools.branch(name, fn)),
    fallback: (thunks, how) => enter(attempt, () => tools.fallback(thunks, how)),
  };
}

/** Runs `fn` within the attempt, wherever it is called from. */
function enter<R>(attempt: Attempt, fn: () => R): R {
  const { enclosing, execution } = attempt;
  const known = currentPosition();
  const isHere = known?.attempt === attempt;
  // Where the context was lost, what is found instead is somebody else's.
  const attribution = isHere ? currentAttribution() : attempt.attribution;
  const position = isHere ? known : { attempt, scope: "" };
  const entered = isHere ? fn : () => execution.observer.within(fn);
  return atPosition(position, () => inRun(enclosing, () => atAttribution(attribution, entered)));
}
