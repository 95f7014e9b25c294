import { knownNanoUsd, savedNanoUsd } from "../money/cost.ts";
import { type CallFilter, type CallRecord, FOUND_BY } from "./call.ts";
import type { Spend, SpendGroup, SpendQuery } from "./spend.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** Calls that are not told apart any more, but by what reports are mostly about. */
export interface Folded {
  /** What they have in common, at the beginning of their hour. */
  readonly like: CallRecord;
  readonly sum: Spend;
}

/** What calls that are at hand took and cost, as a store tells it of those that it has. */
export function spendOf(
  calls: Iterable<CallRecord>,
  query: SpendQuery,
  { folded = [], corrected = [] }: { folded?: Iterable<Folded>; corrected?: Iterable<Corrected> } = {},
): Spend[] {
  const found = new Map<string, Spend>();
  const add = (one: Spend) => {
    const key = keyOf(one);
    const known = found.get(key);
    found.set(key, known ? added(known, one) : one);
  };
  for (const call of calls) if (isMeant(call, query)) add(spendOfOne(call, query));
  for (const { like, sum } of folded) {
    if (isMeant(like, query)) add({ ...sum, group: spendOfOne(like, query).group });
  }
  for (const { like, at, nanoUsd, source } of corrected) {
    const call: CallRecord = { ...like, intendedAt: at };
    if (!isMeant(call, query)) continue;
    const { group, state, billed, unused } = spendOfOne(call, query);
    add({ ...NOTHING, group, state, billed, unused, source, corrections: 1, nanoUsd: BigInt(nanoUsd) });
  }
  return [...found.values()];
}

/** What a call cost more or less than its closed month has. */
export interface Corrected {
  readonly like: CallRecord;
  readonly at: number;
  readonly nanoUsd: number;
  readonly source: Spend["source"];
}

const NOTHING = {
  ...{ reason: undefined, calls: 0, savedNanoUsd: 0n, reuses: 0 },
  ...{ waitMs: 0, runMs: 0, runnerMs: 0 },
};

/** Which hours, endpoints, chains, apps, runners, payers, callers and tags are still told apart; with more of them than this, callers and tags are not. */
const MOST_FOLDED = 10_000;

/** Adds a call to those that are not told apart any more. */
export function fold(folded: Map<string, Folded>, call: CallRecord): void {
  const { chain, jobId, app, caller, keyId, account, markup, userTags } = call.for;
  const isRoom = folded.size < MOST_FOLDED;
  const whom = {
    chain,
    jobId,
    app,
    keyId,
    account,
    markup,
    ...(isRoom ? { caller, userTags } : { caller: undefined, userTags: {} }),
  };
  const like: CallRecord = {
    ...call,
    for: { ...NOBODY, ...whom },
    intendedAt: call.intendedAt - (call.intendedAt % HOUR_MS),
  };
  const one = spendOfOne(call, { by: [] });
  const key = `${keyOf(one)} ${JSON.stringify([call.endpoint, like.intendedAt, Object.values(whom)])}`;
  const known = folded.get(key);
  folded.set(key, { like, sum: known ? added(known.sum, one) : one });
}

const NOBODY: CallRecord["for"] = {
  ...{ chain: undefined, run: undefined, step: undefined, jobId: undefined, app: undefined },
  ...{
    request: undefined,
    caller: undefined,
    rootRun: undefined,
    rootJob: undefined,
    claimedRoot: undefined,
    markup: undefined,
  },
  ...{ keyId: undefined, account: undefined },
  ...{ tags: {}, userTags: {} },
};

const keyOf = ({ group, state, source, reason, billed, unused, corrections }: Spend): string =>
  JSON.stringify([Object.values(group), state, source, reason, billed, unused, corrections > 0]);

function spendOfOne(call: CallRecord, { by }: SpendQuery): Spend {
  const { cost, error, state, unused, reuses, usage, intendedAt, endedAt } = call;
  const nanoUsd = knownNanoUsd(cost) ?? 0;
  const saved = savedNanoUsd(cost);
  return {
    group: Object.fromEntries(by.map((name) => [name, partOf(call, name)])),
    state,
    source: cost?.source,
    reason: cost?.source === "unknown" ? cost.reason : undefined,
    billed: error?.billed,
    unused,
    calls: 1,
    corrections: 0,
    nanoUsd: BigInt(nanoUsd),
    savedNanoUsd: BigInt(nanoUsd) * BigInt(reuses) + BigInt(saved ?? 0) * BigInt(1 + reuses),
    reuses: reuses + (saved === undefined ? 0 : 1),
    waitMs: milliseconds(usage?.waitSeconds),
    runMs: milliseconds(usage?.runSeconds),
    runnerMs: call.for.jobId === undefined || endedAt === undefined ? 0 : endedAt - intendedAt,
  };
}

const added = (a: Spend, b: Spend): Spend => ({
  ...a,
  calls: a.calls + b.calls,
  corrections: a.corrections + b.corrections,
  nanoUsd: a.nanoUsd + b.nanoUsd,
  savedNanoUsd: a.savedNanoUsd + b.savedNanoUsd,
  reuses: a.reuses + b.reuses,
  waitMs: a.waitMs + b.waitMs,
  runMs: a.runMs + b.runMs,
  runnerMs: a.runnerMs + b.runnerMs,
});

const milliseconds = (seconds = 0): number => Math.round(seconds * 1000);

function partOf(call: CallRecord, group: SpendGroup): string | number | undefined {
  switch (group) {
    case "endpoint":
      return call.endpoint;
    case "markup":
      return call.for.markup;
    case "userTags":
      return JSON.stringify(call.for.userTags);
    case "day":
      return call.intendedAt - (call.intendedAt % DAY_MS);
    case "hour":
      return call.intendedAt - (call.intendedAt % HOUR_MS);
    default:
      return call.for[group];
  }
}

/** Whether a filter means this call. */
export const isMeant = (call: CallRecord, filter: CallFilter): boolean =>
  FOUND_BY.every((name) => filter[name] === undefined || call.for[name] === filter[name]) &&
  (filter.endpoint === undefined || call.endpoint === filter.endpoint) &&
  (filter.since === undefined || call.intendedAt >= filter.since) &&
  (filter.until === undefined || call.intendedAt < filter.until);
