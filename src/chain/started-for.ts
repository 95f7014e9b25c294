import { currentAttribution } from "../attribution/context.ts";
import { currentRun } from "../calls/enclosing-run.ts";
import type { RunName, StartedFor } from "../journal/run.ts";
import { isSameStore, type Store } from "../journal/store.ts";
import { currentPosition } from "./position.ts";

/** What is started here and now, is started for this. */
export function startedForNow(jobId: string | undefined, inner: boolean): StartedFor {
  const { request, caller, incoming } = currentAttribution();
  const { of } = currentRun() ?? {};
  return {
    request,
    caller,
    root: of ? of.root : incoming?.root,
    job: jobId,
    claimedRoot: of ? of.claimedRoot : incoming?.claimedRoot,
    ...(inner && { inner }),
    within: runsAround(),
  };
}

/** The runs that the current code is in, from the outside in. Undefined outside of any. */
function runsAround(): readonly RunName[] | undefined {
  const { live, attempt } = currentPosition()?.code ?? {};
  if (!live) return undefined;
  const { chain, id, startWith } = live.plan;
  const { within = [] } = (attempt ? attempt.execution.record : startWith)?.startedFor ?? {};
  return [...within, { chain, id }];
}

/** Whether the current code belongs to this run, or to one that was started within it. */
export function isWithin(chain: string, id: string, store: Store): boolean {
  const { code } = currentPosition() ?? {};
  if (!code || !isSameStore(code.live.services.directStore, store)) return false;
  return (runsAround() ?? []).some((run) => run.chain === chain && run.id === id);
}
