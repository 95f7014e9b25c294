import { LeaseLostError } from "../../errors/runs.ts";
import type { Fence, Renewed, RunClaim, RunEnd, RunQuery, RunRecord, RunState } from "../../journal/run.ts";
import {
  assertForgettable,
  cancelled,
  claimed,
  ended,
  holds,
  isOwned,
  type LeasedRun,
} from "../run-changes.ts";
import { changingRunColumns, leasedOf, newRunColumns } from "./columns.ts";
import { indexed } from "./names.ts";
import { insert, remove, select, update } from "./tables.ts";
import {
  now,
  placeholders,
  query,
  type Row,
  rowLimit,
  type Statement,
  type Value,
  type Work,
} from "./work.ts";

export function* claimRun(claim: RunClaim): Work<{ run: RunRecord; owned: boolean }> {
  const known = yield* locked(claim.chain, claim.id);
  const mine = claimed(known, claim, yield* now());
  // Whoever cannot claim it found it.
  if (!mine) return { run: (known as LeasedRun).run, owned: false };
  if (known) yield* write(mine);
  else yield* insert("runs", newRunColumns(mine));
  return { run: mine.run, owned: claim.owner !== undefined };
}

export function* renewRun(fence: Fence, leaseMs: number): Work<Renewed> {
  const known = yield* locked(fence.chain, fence.run);
  const held = isOwned(known, fence);
  if (held) yield* write({ run: known.run, leaseUntil: (yield* now()) + leaseMs });
  return { held, cancelReason: known?.run.cancelReason };
}

/** Runs of one statement. */
const BATCH = 100;
const LEASE = "seq, chain, id, state, owner, epoch, cancel_reason";

export function* renewRuns(
  fences: readonly Fence[],
  leaseMs: number,
): Work<readonly (Renewed | undefined)[]> {
  const renewed: (Renewed | undefined)[] = [];
  for (let n = 0; n < fences.length; n += BATCH) {
    renewed.push(...(yield* renewBatch(fences.slice(n, n + BATCH), leaseMs)));
  }
  return renewed;
}

/** Whoever keeps many waits for none: a run that somebody writes to now is left for another time. */
function* renewBatch(fences: readonly Fence[], leaseMs: number): Work<readonly (Renewed | undefined)[]> {
  const named = `from @runs where (chain, id) in (values ${placeholders(fences.length, 2)})`;
  const names = fences.flatMap(({ chain, run }) => [indexed(chain), indexed(run)]);
  const free = yield* query(`select ${LEASE} ${named} for update skip locked`, ...names);
  const all = free.length === fences.length ? free : yield* query(`select ${LEASE} ${named}`, ...names);
  const byName = (rows: readonly Row[]) =>
    new Map(rows.map((row) => [JSON.stringify([row["chain"], row["id"]]), row]));
  const [freeRows, rows] = [byName(free), byName(all)];
  const held: Value[] = [];
  const answers = fences.map((fence): Renewed | undefined => {
    const name = JSON.stringify([indexed(fence.chain), indexed(fence.run)]);
    const row = rows.get(name);
    const cancelReason = (row?.["cancel_reason"] ?? undefined) as string | undefined;
    if (row?.["state"] !== "running" || row["owner"] === null || row["epoch"] !== fence.epoch) {
      return { held: false, cancelReason };
    }
    if (!freeRows.has(name)) return undefined;
    held.push(row["seq"] as number);
    return { held: true, cancelReason };
  });
  if (held.length > 0) {
    const until = (yield* now()) + leaseMs;
    const these = held.map((_, n) => `$${n + 2}`).join(", ");
    yield* query(`update @runs set lease_until = $1 where seq in (${these})`, until, ...held);
  }
  return answers;
}

export function* releaseRun(fence: Fence): Work<void> {
  const known = yield* locked(fence.chain, fence.run);
  if (isOwned(known, fence)) yield* write({ run: { ...known.run, owner: undefined }, leaseUntil: 0 });
}

/** @returns false where it has ended so already. */
export function* endRun(fence: Fence, end: RunEnd, at: number, again: boolean): Work<boolean> {
  if (again && hasEndedSo(yield* locked(fence.chain, fence.run), fence, end, at)) return false;
  const { run } = yield* assertHeld(fence);
  yield* write({ run: ended(run, end, at), leaseUntil: 0 });
  return true;
}

const hasEndedSo = (known: LeasedRun | undefined, { epoch }: Fence, { state }: RunEnd, at: number): boolean =>
  known?.run.epoch === epoch && known.run.state === state && (known.run.endedAt ?? at) === at;

export function* cancelRun(
  chain: string,
  id: string,
  reason: string,
  at: number,
): Work<RunState | undefined> {
  const known = yield* locked(chain, id);
  if (!known) return undefined;
  const run = cancelled(known, reason, at, yield* now());
  if (run) yield* write({ ...known, run });
  return (run ?? known.run).state;
}

/** @returns whether there was such a run. */
export function* forgetRun(chain: string, id: string): Work<boolean> {
  const known = yield* locked(chain, id);
  if (!known) return false;
  assertForgettable(known.run);
  yield* remove("steps", { "chain =": chain, "run =": id });
  yield* remove("events", { "chain =": chain, "run =": id });
  yield* remove("runs", { "chain =": chain, "id =": id });
  return true;
}

/** The run, which nobody takes until the transaction ends. @throws {LeaseLostError} */
export function* assertHeld(fence: Fence): Work<LeasedRun> {
  const known = yield* locked(fence.chain, fence.run);
  if (!known || !holds(known, fence, yield* now())) throw new LeaseLostError(fence);
  return known;
}

export const runById = (chain: string, id: string): Statement =>
  select("*", "runs", { "chain =": chain, "id =": id });

export const runsWhere = ({ chain, state, since, limit = 100 }: RunQuery): Statement =>
  select(
    "*",
    "runs",
    { "chain =": chain, "state =": state, "started_at >=": since },
    `order by started_at desc, seq desc limit ${rowLimit(limit)}`,
  );

function* locked(chain: string, id: string): Work<LeasedRun | undefined> {
  const [row] = yield select("*", "runs", { "chain =": chain, "id =": id }, "for update");
  return row && leasedOf(row);
}

const write = (leased: LeasedRun): Work<void> =>
  update("runs", changingRunColumns(leased), { "chain =": leased.run.chain, "id =": leased.run.id });
