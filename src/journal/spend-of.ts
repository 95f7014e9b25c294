import { type CallFilter, type CallRecord, FOUND_BY } from "./call.ts";
import type { Spend, SpendGroup, SpendQuery } from "./spend.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** What calls that are at hand took and cost, as a store tells it of those that it has. */
export function spendOf(calls: Iterable<CallRecord>, query: SpendQuery): Spend[] {
  const found = new Map<string, Spend>();
  for (const call of calls) {
    if (!isMeant(call, query)) continue;
    const one = spendOfOne(call, query);
    const { group, state, source, reason, billed, unused } = one;
    const key = JSON.stringify([Object.values(group), state, source, reason, billed, unused]);
    const known = found.get(key);
    found.set(key, known ? added(known, one) : one);
  }
  return [...found.values()];
}

function spendOfOne(call: CallRecord, { by }: SpendQuery): Spend {
  const { cost, error, state, unused, reuses, usage, intendedAt, endedAt } = call;
  const nanoUsd = cost && cost.source !== "unknown" ? cost.nanoUsd : 0;
  return {
    group: Object.fromEntries(by.map((name) => [name, partOf(call, name)])),
    state,
    source: cost?.source,
    reason: cost?.source === "unknown" ? cost.reason : undefined,
    billed: error?.billed,
    unused,
    calls: 1,
    nanoUsd,
    savedNanoUsd: nanoUsd * reuses,
    reuses,
    waitMs: milliseconds(usage?.waitSeconds),
    runMs: milliseconds(usage?.runSeconds),
    runnerMs: call.for.jobId === undefined || endedAt === undefined ? 0 : endedAt - intendedAt,
  };
}

const added = (a: Spend, b: Spend): Spend => ({
  ...a,
  calls: a.calls + b.calls,
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
