import { currentAttribution } from "../attribution/context.ts";
import type { Root } from "../attribution/root.ts";
import { currentCaller } from "../calls/caller.ts";
import type { RunRecord } from "../journal/runs.ts";
import { isSameStore, type Store } from "../journal/store.ts";
import { currentPosition } from "./position.ts";
import { fromJson } from "./saved.ts";

/**
 * On whose behalf a run was started, besides its tags. It is noted with the run, so that whoever goes on with it makes its
 * calls for the same, and not for whom it works itself. Plain JSON.
 */
export interface RunOrigin {
  /** The incoming request that it was started for. */
  readonly request?: string | undefined;
  /** What it is a part of; undefined where it is a part of nothing. */
  readonly root?: Root | undefined;
  /** The runner that it was started on. */
  readonly job?: string | undefined;
  readonly claimedRoot?: string | undefined;
  /** Whether it has no id of its own: it lives and ends with the run that it was started within. */
  readonly inner?: boolean | undefined;
  /** The runs that it was started within, from the outside in: chain and id. */
  readonly within?: readonly (readonly [chain: string, id: string])[] | undefined;
}

/** What is started here and now, is started for this. JSON. */
export function originNow(jobId: string | undefined, inner: boolean): string {
  const { request, incoming } = currentAttribution();
  const { of } = currentCaller() ?? {};
  const origin: RunOrigin = {
    request,
    root: of ? of.root : incoming?.root,
    job: jobId,
    claimedRoot: of ? of.claimedRoot : incoming?.claimedRoot,
    ...(inner && { inner }),
    within: runsAround(),
  };
  return JSON.stringify(origin);
}

export const originOf = ({ origin }: RunRecord): RunOrigin => fromJson<RunOrigin | undefined>(origin) ?? {};

/** The runs that the current code is in, from the outside in: chain and id. Undefined outside of any. */
function runsAround(): NonNullable<RunOrigin["within"]> | undefined {
  const { record } = currentPosition()?.attempt.execution ?? {};
  return record && [...(originOf(record).within ?? []), [record.chain, record.id]];
}

/** Whether the current code belongs to this run, or to one that was started within it. */
export function isWithin(chain: string, id: string, keptIn: Store): boolean {
  const { attempt } = currentPosition() ?? {};
  if (!attempt || !isSameStore(attempt.execution.live.services.keptIn, keptIn)) return false;
  return (runsAround() ?? []).some((run) => run[0] === chain && run[1] === id);
}
