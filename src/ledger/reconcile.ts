import type { Clock } from "../base/clock.ts";
import {
  checkOptions,
  count,
  list,
  milliseconds,
  type OptionsOf,
  record,
  signal,
  time,
} from "../base/options.ts";
import { timeOf } from "../base/time.ts";
import type { CallRecord } from "../journal/call.ts";
import type { Store } from "../journal/store.ts";
import { type Cost, formatUsd, isPlausible } from "../money/cost.ts";
import { addedUp, type BilledRequest, type BillingAccount, type UnreadableRow } from "./bill.ts";
import type {
  LedgerCall,
  MatchedCall,
  ReconcileOptions,
  Reconciliation,
  UnbilledCall,
} from "./reconciliation.ts";

const OPTIONS: OptionsOf<ReconcileOptions> = {
  since: time,
  limit: count(1),
  missingAfterMs: milliseconds(0),
  tags: record,
  keyIds: list,
  abortSignal: signal,
};

const DAY_MS = 24 * 60 * 60_000;
/** fal stamps a bill by its own clock, which may be behind ours. */
const LARGEST_SKEW_MS = 5 * 60_000;

/**
 * Notes in the ledger what fal's bill says, and tells where the two differ.
 *
 * @param wireTags The user's own tags as they went to fal.
 * @throws {AdminKeyRequiredError} where the key may not read the bill. @throws {InvalidArgumentError} for a bad option.
 */
export async function reconcile(
  store: Pick<Store, "calls">,
  clock: Clock,
  account: BillingAccount,
  wireTags: (tags: Readonly<Record<string, string>>) => Promise<Readonly<Record<string, string>>>,
  options: ReconcileOptions = {},
): Promise<Reconciliation> {
  checkOptions(options, OPTIONS, { of: "reconcile" });
  const { since = "7d", limit = 10_000, missingAfterMs = DAY_MS, keyIds, abortSignal } = options;
  const now = clock.now();
  const from = timeOf(since, now);
  const tags = options.tags && (await wireTags(options.tags));
  const chosen = { ...(tags && { tags }), ...(keyIds && { keyIds }) };
  const newest = await store.calls.list({ since: from, limit: limit + 1 });
  const calls = newest.slice(0, limit).filter((call) => isChosen(call, chosen));
  const found = await findOnBill(store, account, { calls, from, now, chosen, abortSignal });
  const name = await account.name(abortSignal);

  const matched: MatchedCall[] = [];
  const unseen: BilledRequest[] = [];
  for (const [requestId, rows] of found.billed) {
    const request = addedUp(rows);
    const call = found.known.get(requestId);
    if (request && call) matched.push(await invoice(store, clock, call, request, name));
    else if (request && request.at >= from) unseen.push(request);
  }

  const payers = { name, keyIds, billed: [...found.billed.values()].flat() };
  const isOurs = await ourCalls(account, calls, payers, abortSignal);
  const open = calls.filter((call) => isOpen(call, found));
  const ours = found.isUnsure ? [] : open.filter(isOurs);
  const isOld = ({ ageMs }: UnbilledCall) => ageMs >= missingAfterMs;
  const due = unbilled(ours.filter(isDue), now);
  const free = unbilled(ours.filter(isInDoubt), now).filter(isOld);
  for (const { callId } of free) await store.calls.charged(callId, FREE, clock.now());
  const others = open.filter((call) => isDue(call) && !isOurs(call));
  return {
    account: name,
    matched,
    drift: matched.filter(hasDrifted),
    revised: matched.filter(isRevised),
    late: due.filter((call) => !isOld(call)),
    missing: due.filter(isOld),
    free,
    elsewhere: unbilled(others, now),
    unseen,
    unreadable: [...found.unreadable, ...matched.flatMap(notBooked)],
    isIncomplete: found.isCut,
    isCut: newest.length > limit,
  };
}

/** What no request costs is told, and is no cost that sums can rest on. */
const notBooked = ({ requestId, invoicedNanoUsd }: MatchedCall): UnreadableRow[] =>
  isPlausible(invoicedNanoUsd)
    ? []
    : [{ requestId, problem: `comes to ${formatUsd(invoicedNanoUsd)}, which no request costs` }];

interface Found {
  /** The rows of each request. */
  readonly billed: ReadonlyMap<string, Rows>;
  /** The calls that requests are, as far as the ledger has them. */
  readonly known: ReadonlyMap<string, CallRecord>;
  readonly unreadable: readonly UnreadableRow[];
  readonly isCut: boolean;
  /** Whether what was not found may be on it all the same. */
  readonly isUnsure: boolean;
}

interface Sought {
  readonly calls: readonly CallRecord[];
  readonly from: number;
  readonly now: number;
  readonly chosen: Chosen;
  readonly abortSignal: AbortSignal | undefined;
}

async function findOnBill(
  store: Pick<Store, "calls">,
  account: BillingAccount,
  { calls, from, now, chosen, abortSignal }: Sought,
): Promise<Found> {
  // All of it as it is now: what is billed while it is read is left for the next time.
  const whole = { until: now + 1, ...(abortSignal && { abortSignal }) };
  const bill = await account.bill({ ...whole, ...chosen, since: from - LARGEST_SKEW_MS });
  const billed = new Map<string, Rows>(bill.requests);
  const unreadable = new Map(bill.unreadable.map((row) => [JSON.stringify(row), row]));

  const known = new Map(calls.map((call) => [requestIdOf(call), call]));
  for (const requestId of billed.keys()) {
    const call = known.get(requestId) ?? (await recorded(store, requestId));
    if (call) known.set(requestId, call);
  }
  // What was billed of these within the time that was asked for may be a part of their price.
  await readAgain([...known.values()].filter((call) => call.intendedAt < from));
  // What another page hid is found by its name, and so is what the bill cannot be read on to or has no tags of yet.
  const isPartial = !bill.isStill || bill.isCut || chosen.tags !== undefined;
  const isHidden = (call: CallRecord) =>
    (hasResult(call) || isInDoubt(call)) && !billed.get(requestIdOf(call))?.length;
  const isUnsure = isPartial && (await readAgain(calls.filter(isHidden)));
  const rows = [...unreadable.values()];
  // A row without its request may be anybody's.
  const isAnybodys = rows.some(({ requestId }) => requestId === undefined);
  return { billed, known, unreadable: rows, isCut: bill.isCut, isUnsure: isUnsure || isAnybodys };

  /** Takes for these calls what the bill has by their names. @returns whether that cannot be read to its end. */
  async function readAgain(calls: readonly CallRecord[]): Promise<boolean> {
    if (calls.length === 0) return false;
    const since = calls.reduce((at, { intendedAt }) => Math.min(at, intendedAt), from) - LARGEST_SKEW_MS;
    const requestIds = calls.map(requestIdOf);
    const again = await account.bill({ ...whole, since, requestIds });
    for (const [requestId, rows] of again.requests) billed.set(requestId, rows);
    for (const row of again.unreadable) unreadable.set(JSON.stringify(row), row);
    return again.isCut;
  }
}

type Rows = Parameters<typeof addedUp>[0];

const FREE = { source: "invoiced", nanoUsd: 0, units: 0 } as const;

type Chosen = Pick<ReconcileOptions, "tags" | "keyIds">;

const isChosen = ({ for: whose }: CallRecord, { tags = {}, keyIds }: Chosen): boolean =>
  Object.entries(tags).every(([name, value]) => whose.tags[name] === value) &&
  (!keyIds || (whose.keyId !== undefined && keyIds.includes(whose.keyId)));

/** A call from before the time that was asked for may be billed within it. */
async function recorded(store: Pick<Store, "calls">, requestId: string): Promise<CallRecord | undefined> {
  const [call] = await store.calls.list({ requestId, limit: 1 });
  return call;
}

async function invoice(
  { calls }: Pick<Store, "calls">,
  clock: Clock,
  call: CallRecord,
  request: BilledRequest,
  account: string | undefined,
): Promise<MatchedCall> {
  const { nanoUsd, units, unitPriceNanoUsd, percentDiscount, subtotalNanoUsd } = request;
  const measuredNanoUsd = measuredOf(call.cost);
  const unit = request.unit ?? (call.cost && "unit" in call.cost ? call.cost.unit : undefined);
  const before = call.cost?.source === "invoiced" ? call.cost.nanoUsd : nanoUsd;
  const cost: Cost = {
    source: "invoiced",
    nanoUsd,
    ...(units !== undefined && { units }),
    ...(unit !== undefined && { unit }),
    ...(unitPriceNanoUsd !== undefined && { unitPriceNanoUsd }),
    ...(subtotalNanoUsd !== undefined && { subtotalNanoUsd }),
    ...(percentDiscount !== 0 && { percentDiscount }),
    ...(measuredNanoUsd !== undefined && { measuredNanoUsd }),
    ...(account !== undefined && { account }),
  };
  if (isPlausible(nanoUsd)) await calls.charged(call.id, cost, clock.now());
  return {
    ...ledgerCall(call),
    invoicedNanoUsd: nanoUsd,
    measuredNanoUsd,
    ...(before !== nanoUsd && { invoicedBeforeNanoUsd: before }),
  };
}

/**
 * Which calls this bill should have, in a store that accounts share. Whose a key is, is known from the account itself, from
 * its bill, and from what was found on it before. What names no key is taken to be ours.
 */
async function ourCalls(
  account: BillingAccount,
  calls: readonly CallRecord[],
  known: {
    readonly name: string | undefined;
    readonly keyIds: readonly string[] | undefined;
    readonly billed: readonly { readonly keyId: string | undefined }[];
  },
  abortSignal: AbortSignal | undefined,
): Promise<(call: CallRecord) => boolean> {
  const paying = calls.filter((call) => call.for.account !== undefined && call.for.account === known.name);
  const ours = new Set<string | undefined>([
    ...[undefined, account.ownKeyId],
    ...(known.keyIds ?? []),
    ...known.billed.map(({ keyId }) => keyId),
    ...paying.map((call) => call.for.keyId),
  ]);
  const isOther = (account: string | undefined) =>
    account !== undefined && known.name !== undefined && account !== known.name;
  const isOurs = ({ for: { keyId, account } }: CallRecord): boolean =>
    keyId === undefined ? !isOther(account) : ours.has(keyId);
  if (!calls.every(isOurs)) for (const id of await account.keyIds(abortSignal)) ours.add(id);
  return isOurs;
}

/** One that may be on a bill, as far as is known, and has not been found there. */
const isOpen = (
  call: CallRecord,
  { billed, unreadable = [] }: Pick<Found, "billed"> & Partial<Found>,
): boolean =>
  (isDue(call) || isInDoubt(call)) &&
  !billed.get(requestIdOf(call))?.length &&
  !unreadable.some(({ requestId }) => requestId === requestIdOf(call));

const hasResult = ({ state, ticket, usage }: CallRecord): boolean =>
  state === "completed" && ticket !== undefined && usage?.units !== 0;

/** What costs nothing is on no bill. */
const isDue = (call: CallRecord): boolean =>
  hasResult(call) && !(call.cost && call.cost.source !== "unknown" && call.cost.nanoUsd === 0);

/** A failed or given-up call may be billed or not. */
const isInDoubt = ({ state, ticket, cost, error }: CallRecord): boolean =>
  (state === "failed" || state === "given-up") &&
  ticket !== undefined &&
  error?.billed !== false &&
  (cost === undefined || cost.source === "unknown");

const requestIdOf = ({ ticket }: CallRecord): string => ticket?.requestId ?? "";

const ledgerCall = (call: CallRecord): LedgerCall => ({
  callId: call.id,
  requestId: requestIdOf(call),
  endpoint: call.endpoint,
  chain: call.for.chain,
  run: call.for.run,
});

/** The oldest first. */
const unbilled = (calls: readonly CallRecord[], now: number): UnbilledCall[] =>
  calls
    .map((call) => ({
      ...ledgerCall(call),
      ageMs: now - (call.endedAt ?? call.intendedAt),
      cost: call.cost,
      keyId: call.for.keyId,
    }))
    .sort((a, b) => b.ageMs - a.ageMs);

/** Also of a call that was invoiced before, so that asking again tells the same. */
function measuredOf(cost: Cost | undefined): number | undefined {
  if (cost?.source === "measured") return cost.nanoUsd;
  return cost?.source === "invoiced" ? cost.measuredNanoUsd : undefined;
}

const hasDrifted = (call: MatchedCall): call is Reconciliation["drift"][number] =>
  call.measuredNanoUsd !== undefined && call.measuredNanoUsd !== call.invoicedNanoUsd;

const isRevised = (call: MatchedCall): call is Reconciliation["revised"][number] =>
  call.invoicedBeforeNanoUsd !== undefined;
