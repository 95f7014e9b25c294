import { attributionMark } from "../attribution/context.ts";
import { runName } from "../journal/run-name.ts";
import { admit } from "./admitted-call.ts";
import type { Attempt } from "./attempt.ts";
import type { Execution } from "./execution.ts";
import { openReplay } from "./replay.ts";
import { budgetsOf } from "./run-budgets.ts";
import { fromJson } from "./saved.ts";
import { enter, scopeOf } from "./tools.ts";

/** @param retry Steps whose failure is not replayed. Each is taken out when it is asked for. */
export async function openAttempt(execution: Execution, retry: Set<string>): Promise<Attempt> {
  const { live, record, fence } = execution;
  const { store, jobId } = live.services;
  const { chain, run } = fence;
  const { request, caller, root, job, claimedRoot } = record.startedFor ?? {};
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
    attribution: { tags: record.tags, request, caller, incoming: execution.incoming },
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

export async function runCode(attempt: Attempt): Promise<unknown> {
  const { live, record } = attempt.execution;
  const place = { attempt, scope: "" };
  return enter(place, async () => live.plan.code(fromJson(record.input), scopeOf(place)));
}
