import { StoreError } from "../errors/store.ts";
import type { Fence, ProcessIdentity, RunClaim, RunEnd, RunRecord } from "../journal/run.ts";
import { nameOfRun } from "../journal/run-name.ts";

/** A run, and until when it is its owner's. Every store decides by what is here. */
export interface LeasedRun {
  readonly run: RunRecord;
  /** On the store's clock. Means nothing where there is no owner. */
  readonly leaseUntil: number;
}

/** Whether what is written under the fence may be written. */
export const holds = (leased: LeasedRun | undefined, fence: Fence, now: number): boolean =>
  isOwned(leased, fence) && leased.leaseUntil > now;

/** Whether nobody took the run since; its lease may be over, and can then be had again. */
export const isOwned = (leased: LeasedRun | undefined, { epoch }: Fence): leased is LeasedRun =>
  leased?.run.state === "running" && leased.run.owner !== undefined && leased.run.epoch === epoch;

/** The run in its claimer's hands, or noted where it has none; undefined where somebody else has it, or it has ended. */
export function claimed(known: LeasedRun | undefined, claim: RunClaim, now: number): LeasedRun | undefined {
  const leaseUntil = now + claim.leaseMs;
  if (!known) return { run: newRun(claim), leaseUntil };
  if (!claim.owner) return undefined;

  const { run } = known;
  // The answer to this very claim was lost, and it is made again.
  if (isClaimOf(run, claim.owner)) return known;
  const taken = { ...run, budget: claim.budget ?? run.budget, owner: claim.owner, epoch: run.epoch + 1 };
  if (run.state === "running") {
    const free = isFree(known, now) || claim.evict === run.epoch;
    return free ? { run: taken, leaseUntil } : undefined;
  }
  if (!claim.reopen?.includes(run.state)) return undefined;
  // What it was blocked on has been settled, and is not what it failed with.
  const failedKeys = run.state === "failed" ? run.failedKeys : [];
  return { run: { ...taken, ...OPEN, failedKeys, state: "running" }, leaseUntil };
}

const isClaimOf = ({ state, owner }: RunRecord, { claim }: ProcessIdentity): boolean =>
  state === "running" && claim !== undefined && owner?.claim === claim;

/** What a run loses when it is taken out of its end. */
const OPEN = {
  output: undefined,
  error: undefined,
  failedKeys: [],
  cancelReason: undefined,
  endedAt: undefined,
};

const newRun = ({ chain, id, input, tags, budget, startedFor, owner, at }: RunClaim): RunRecord => ({
  ...OPEN,
  chain,
  id,
  input,
  tags,
  budget,
  startedFor,
  owner,
  state: "running",
  epoch: owner ? 1 : 0,
  startedAt: at,
});

const isFree = ({ run, leaseUntil }: LeasedRun, now: number): boolean =>
  run.owner === undefined || leaseUntil <= now;

export function ended(
  run: RunRecord,
  { state, output, error, failedKeys = [] }: RunEnd,
  at: number,
): RunRecord {
  const end = { output, error, failedKeys, owner: undefined };
  if (state !== "blocked") return { ...run, ...end, state, endedAt: at };
  // Somebody wanted it cancelled before it came to wait, and nobody is left to do it.
  if (run.cancelReason !== undefined) return { ...run, ...end, state: "cancelled", endedAt: at };
  return { ...run, ...end, state };
}

/** The run with the wish noted, or cancelled where nobody has it; undefined where it has ended. */
export function cancelled(known: LeasedRun, reason: string, at: number, now: number): RunRecord | undefined {
  const { run } = known;
  if (isEnded(run)) return undefined;
  const cancelReason = run.cancelReason ?? reason;
  return run.state === "blocked" || isFree(known, now)
    ? { ...run, cancelReason, owner: undefined, state: "cancelled", endedAt: at }
    : { ...run, cancelReason };
}

export const isEnded = ({ state }: RunRecord): boolean => state !== "running" && state !== "blocked";

/** @throws {StoreError} */
export function assertForgettable(run: RunRecord): void {
  if (isEnded(run)) return;
  throw new StoreError(
    `The run ${nameOfRun(run)} is ${run.state}, and only an ended one can be forgotten. Cancel it first.`,
  );
}
