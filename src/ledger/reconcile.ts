import type { Clock } from "../base/clock.ts";
import { timeOf } from "../base/time.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import type { CallRecord } from "../journal/call.ts";
import type { Store } from "../journal/store.ts";
import { type Cost, isPlausible } from "../money/cost.ts";

export interface ReconcileOptions {
  /** Calls that were intended, and requests that were billed, then or later: as in `costs`. @default "7d" */
  readonly since?: Date | string | number;
  /** How many calls at most are looked for on the bill, newest first. @default 10000 */
  readonly limit?: number;
  /** How old a completed call is, in milliseconds since its end, before it is missing and not just late. @default a day */
  readonly missingAfterMs?: number;
  readonly abortSignal?: AbortSignal;
}

/** A request on fal's bill. */
export interface BilledRequest {
  readonly requestId: string;
  readonly endpoint: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly units: number;
  /** May be a fraction of a nano-dollar. */
  readonly unitPriceNanoUsd: number;
  readonly percentDiscount: number;
  /** What is to be paid, the discount taken off. */
  readonly nanoUsd: number;
}

/** A call of the ledger, without its payloads. */
export interface LedgerCall {
  readonly callId: string;
  readonly requestId: string;
  readonly endpoint: string;
  readonly chain: string | undefined;
  readonly run: string | undefined;
}

export interface MatchedCall extends LedgerCall {
  readonly invoicedNanoUsd: number;
  /** What this client had made of units and price; undefined where it could not. */
  readonly measuredNanoUsd: number | undefined;
}

export interface UnbilledCall extends LedgerCall {
  /** Milliseconds since its end. */
  readonly ageMs: number;
  readonly cost: Cost | undefined;
}

/** The ledger and the bill, side by side. */
export interface Reconciliation {
  /** On both; their costs are noted as invoiced. */
  readonly matched: readonly MatchedCall[];
  /** Those of `matched` whose bill is not what was measured, as after a discount or a change of price. */
  readonly drift: readonly (MatchedCall & { readonly measuredNanoUsd: number })[];
  /** Completed, and not on the bill yet: the bill is late by hours. Oldest first. */
  readonly late: readonly UnbilledCall[];
  /** Completed so long ago that it should be on the bill. Oldest first. */
  readonly missing: readonly UnbilledCall[];
  /** On the bill, and not in this ledger: another program's, or of a ledger that was lost. */
  readonly unseen: readonly BilledRequest[];
  /** Whether there are more calls than `limit`: of older ones it is not told which are late or missing. */
  readonly isCut: boolean;
}

/** Reads the account's bill. */
export type ReadBill = (query: BillQuery) => AsyncIterable<BilledRequest>;

interface BillQuery {
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly requestIds?: readonly string[];
  readonly abortSignal?: AbortSignal;
}

const DAY_MS = 24 * 60 * 60_000;
/** fal stamps a bill by its own clock, which may be behind ours. */
const LARGEST_SKEW_MS = 5 * 60_000;

/**
 * Notes in the ledger what fal's bill says, and tells where the two differ.
 *
 * @throws {AdminKeyRequiredError} where the key may not read the bill. @throws {InvalidArgumentError} for a bad option.
 */
export async function reconcile(
  store: Pick<Store, "calls">,
  clock: Clock,
  bill: ReadBill,
  { since = "7d", limit = 10_000, missingAfterMs = DAY_MS, abortSignal }: ReconcileOptions = {},
): Promise<Reconciliation> {
  const from = timeOf(since, clock.now());
  if (!(Number.isInteger(limit) && limit > 0)) {
    throw new InvalidArgumentError(`limit is ${limit}; it is a whole number from 1 up.`);
  }
  const newest = await store.calls.list({ since: from, limit: limit + 1 });
  const calls = newest.slice(0, limit);
  const billed = await billedSince(from);
  const known = new Map<string | undefined, CallRecord>(calls.map((call) => [call.ticket?.requestId, call]));
  const earlier: CallRecord[] = [];
  for (const requestId of billed.keys()) {
    const call = known.get(requestId) ?? (await recorded(store, requestId));
    if (call) known.set(requestId, call);
    if (call && call.intendedAt < from) earlier.push(call);
  }
  for (const [requestId, whole] of await wholeBillOf(earlier)) billed.set(requestId, whole);

  const matched: MatchedCall[] = [];
  const unseen: BilledRequest[] = [];
  for (const request of billed.values()) {
    const call = known.get(request.requestId);
    if (call?.ticket) matched.push(await invoice(call.ticket.requestId, call, request));
    else if (request.at >= from) unseen.push(request);
  }

  const due = calls
    .filter((call) => isDue(call) && !billed.has(call.ticket?.requestId ?? ""))
    .map((call) => unbilled(call, clock.now()))
    .sort((a, b) => b.ageMs - a.ageMs);
  return {
    matched,
    drift: matched.filter(hasDrifted),
    late: due.filter(({ ageMs }) => ageMs < missingAfterMs),
    missing: due.filter(({ ageMs }) => ageMs >= missingAfterMs),
    unseen,
    isCut: newest.length > limit,
  };

  function billedSince(at: number, requestIds?: readonly string[]): Promise<Map<string, BilledRequest>> {
    const since = at - LARGEST_SKEW_MS;
    return byRequest(bill({ since, ...(requestIds && { requestIds }), ...(abortSignal && { abortSignal }) }));
  }

  /** What was billed of them within the time that was asked for may be a part of their price. */
  function wholeBillOf(calls: readonly CallRecord[]): Promise<Map<string, BilledRequest>> {
    const oldest = calls.reduce((at, { intendedAt }) => Math.min(at, intendedAt), from);
    const requestIds = calls.flatMap(({ ticket }) => ticket?.requestId ?? []);
    return billedSince(oldest, requestIds);
  }

  async function invoice(requestId: string, call: CallRecord, request: BilledRequest): Promise<MatchedCall> {
    const measuredNanoUsd = measuredOf(call.cost);
    const { nanoUsd, units, unitPriceNanoUsd } = request;
    const unit = call.cost && "unit" in call.cost ? call.cost.unit : undefined;
    const cost: Cost = {
      source: "invoiced",
      nanoUsd,
      units,
      unitPriceNanoUsd,
      ...(unit !== undefined && { unit }),
      ...(measuredNanoUsd !== undefined && { measuredNanoUsd }),
    };
    // What no request costs is told here, and is no cost that sums can rest on.
    if (isPlausible(nanoUsd)) await store.calls.charged(call.id, cost, clock.now());
    return { ...ledgerCall(call, requestId), invoicedNanoUsd: nanoUsd, measuredNanoUsd };
  }
}

/** A request is billed by one event or by several, and all of them are its price. */
async function byRequest(events: AsyncIterable<BilledRequest>): Promise<Map<string, BilledRequest>> {
  const requests = new Map<string, BilledRequest>();
  for await (const event of events) {
    const { requestId, endpoint, at, units, unitPriceNanoUsd, percentDiscount, nanoUsd } = event;
    const before = requests.get(requestId);
    requests.set(requestId, {
      requestId,
      endpoint,
      at,
      units: units + (before?.units ?? 0),
      unitPriceNanoUsd,
      percentDiscount,
      nanoUsd: nanoUsd + (before?.nanoUsd ?? 0),
    });
  }
  return requests;
}

/** A call from before the time that was asked for may be billed within it. */
async function recorded(store: Pick<Store, "calls">, requestId: string): Promise<CallRecord | undefined> {
  const [call] = await store.calls.list({ requestId, limit: 1 });
  return call;
}

/** A failed or abandoned call may be billed or not, and what costs nothing is on no bill. */
const isDue = ({ state, ticket, usage }: CallRecord): boolean =>
  state === "completed" && ticket !== undefined && usage?.units !== 0;

const ledgerCall = ({ id, endpoint, for: { chain, run } }: CallRecord, requestId: string): LedgerCall => ({
  callId: id,
  requestId,
  endpoint,
  chain,
  run,
});

const unbilled = (call: CallRecord, now: number): UnbilledCall => ({
  ...ledgerCall(call, call.ticket?.requestId ?? ""),
  ageMs: now - (call.endedAt ?? call.intendedAt),
  cost: call.cost,
});

/** Also of a call that was invoiced before, so that asking again tells the same. */
function measuredOf(cost: Cost | undefined): number | undefined {
  if (cost?.source === "measured") return cost.nanoUsd;
  return cost?.source === "invoiced" ? cost.measuredNanoUsd : undefined;
}

const hasDrifted = (call: MatchedCall): call is Reconciliation["drift"][number] =>
  call.measuredNanoUsd !== undefined && call.measuredNanoUsd !== call.invoicedNanoUsd;
