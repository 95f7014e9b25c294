import { attributionMark, type OfRun } from "../attribution/context.ts";
import type { StartedFor } from "../journal/run.ts";
import { runName } from "../journal/run-name.ts";
import { admit } from "./admitted-call.ts";
import { type Attempt, assertOpen, type Code } from "./attempt.ts";
import type { Execution } from "./execution.ts";
import type { LiveRun } from "./live-run.ts";
import { openReplay } from "./replay.ts";
import { budgetsOf } from "./run-budgets.ts";
import { fromJson } from "./saved.ts";
import { enter, scopeOf } from "./tools.ts";

/** @param retry Steps whose failure is not replayed. Each is taken out when it is asked for. */
export async function openAttempt(execution: Execution, retry: Set<string>): Promise<Attempt> {
  const { live, record } = execution;
  return {
    execution,
    replay: await openReplay(execution, retry),
    of: ofRun(live, record.startedFor),
    budgets: await budgetsOf(live.services.store, record),
    replayed: new Set(),
    told: new Map(),
    labels: new Map(),
    uploads: new Map(),
    oldFiles: new Map(),
    isClosed: false,
  };
}

/** The run as its calls are noted with it. */
export function ofRun({ plan, services }: LiveRun, startedFor: StartedFor | undefined): OfRun {
  const { chain, id: run } = plan;
  const { root, job, claimedRoot } = startedFor ?? {};
  const itself = { run: runName(chain, run), job: job ?? services.jobId(), trace: undefined };
  return { chain, run, root: root ?? itself, claimedRoot };
}

export async function runCode(attempt: Attempt): Promise<unknown> {
  const { live, record } = attempt.execution;
  const place = { code: codeOf(attempt), scope: "" };
  return enter(place, async () => live.plan.code(fromJson(record.input), scopeOf(place)));
}

function codeOf(attempt: Attempt): Code {
  const { of, budgets, execution } = attempt;
  const { live, record, observer, incoming, released } = execution;
  const { request, caller } = record.startedFor ?? {};
  const code: Code = {
    ...{ live, observer, attempt },
    enclosing: {
      ...{ of, budgets, reuse: live.plan.reuse },
      signal: live.cancelled.signal,
      detached: released.signal,
      admit(call) {
        assertOpen(code, `The call to ${call.endpoint}`);
        return admit(attempt, call);
      },
    },
    attribution: { tags: record.tags, request, caller, incoming },
    mark: attributionMark(),
    counts: new Map(),
    isClosed: () => attempt.isClosed,
    withAttempt: (fn) => fn(attempt),
  };
  return code;
}
