import type { Spend, SpendGroup, SpendQuery } from "./spend.ts";
import type { CallRecord } from "./store.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

const GROUPS: Record<SpendGroup, (call: CallRecord) => string | number | undefined> = {
  endpoint: ({ endpoint }) => endpoint,
  chain: ({ chain }) => chain,
  run: ({ run }) => run,
  step: ({ step }) => step,
  jobId: ({ jobId }) => jobId,
  app: ({ app }) => app,
  request: ({ request }) => request,
  rootRun: ({ rootRun }) => rootRun,
  rootJob: ({ rootJob }) => rootJob,
  userTags: ({ userTags }) => JSON.stringify(userTags),
  day: ({ intendedAt }) => intendedAt - (intendedAt % DAY_MS),
  hour: ({ intendedAt }) => intendedAt - (intendedAt % HOUR_MS),
};

/** What calls that are at hand took and cost, as a store tells it of those that it has. */
export function spendOf(calls: Iterable<CallRecord>, query: SpendQuery): Spend[] {
  const found = new Map<string, Spend>();
  for (const call of calls) {
    if (!answers(query, call)) continue;
    const one = spendOfOne(call, query);
    const { group, state, source, reason, billed, unused } = one;
    const key = JSON.stringify([Object.values(group), state, source, reason, billed, unused]);
    const known = found.get(key);
    found.set(key, known ? added(known, one) : one);
  }
  return [...found.values()];
}

function spendOfOne(call: CallRecord, { by }: SpendQuery): Spend {
  const { cost, error, state, unused, reuses, usage, jobId, intendedAt, endedAt } = call;
  const nanoUsd = cost && cost.source !== "unknown" ? cost.nanoUsd : 0;
  return {
    group: Object.fromEntries(by.map((name) => [name, GROUPS[name](call)])),
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
    runnerMs: jobId === undefined || endedAt === undefined ? 0 : endedAt - intendedAt,
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

const answers = (query: SpendQuery, call: CallRecord): boolean =>
  (query.endpoint === undefined || call.endpoint === query.endpoint) &&
  (query.chain === undefined || call.chain === query.chain) &&
  (query.run === undefined || call.run === query.run) &&
  (query.jobId === undefined || call.jobId === query.jobId) &&
  (query.app === undefined || call.app === query.app) &&
  (query.request === undefined || call.request === query.request) &&
  (query.rootRun === undefined || call.rootRun === query.rootRun) &&
  (query.rootJob === undefined || call.rootJob === query.rootJob) &&
  (query.since === undefined || call.intendedAt >= query.since) &&
  (query.until === undefined || call.intendedAt < query.until);
