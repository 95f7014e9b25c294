import { tagOf } from "../attribution/tag-key.ts";
import type { Clock } from "../base/clock.ts";
import { anyText, checkOptions, flag, list, type OptionsOf, record, time } from "../base/options.ts";
import { nearest } from "../base/text.ts";
import { inMilliseconds } from "../base/time.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { monthAfter } from "../journal/months.ts";
import { runOf } from "../journal/run-name.ts";
import type { Spend, SpendGroup } from "../journal/spend.ts";
import type { Store } from "../journal/store.ts";
import { monthText } from "./closing.ts";
import { type CurrencyRate, checkRate, converted } from "./currency.ts";
import { lackPrices, priceLate, type ReadPrice } from "./late-prices.ts";
import { type ReadRunnerCosts, type RunnerCosts, runnerCosts } from "./runner-costs.ts";
import { type CostSum, sumOf } from "./sum.ts";

/**
 * What a report can be grouped by. `root_run` and `root_job` are where a chain through several apps of ours began; `month`,
 * `day` and `hour` are UTC's, by the time of the intent.
 */
export type CostKey = (typeof COST_KEYS)[number] | `tag:${string}`;
export const COST_KEYS = [
  "endpoint",
  "chain",
  "run",
  "step",
  "job_id",
  "app",
  "request",
  "caller",
  "root_run",
  "root_job",
  "key_id",
  "account",
  "month",
  "day",
  "hour",
] as const;

export interface CostQuery {
  /** @default ["endpoint"] */
  readonly by?: readonly CostKey[];
  /** Calls that were intended then or later: a date, its ISO form, or a time ago such as `7d`, `12h` or `30m`. */
  readonly since?: string | Date;
  /** Calls that were intended before then, written as `since` is. */
  readonly until?: string | Date;
  readonly endpoint?: string;
  readonly chain?: string;
  /** A run's id, without its chain's name. */
  readonly run?: string;
  readonly jobId?: string;
  readonly app?: string;
  /** The incoming request that they were made for. */
  readonly request?: string;
  /** Who sent that, as fal says it to an app: its id, or a hash of it. */
  readonly caller?: string;
  /** The outermost run, `chain/id`: whatever was called for it, in each app of ours that has this store. */
  readonly rootRun?: string;
  /** The runner that it began on. */
  readonly rootJob?: string;
  /** The key that they were paid with, without its secret half. */
  readonly keyId?: string;
  /** The account that paid, where that is known. */
  readonly account?: string;
  /** The user's own tags, all of which must match. */
  readonly tags?: Readonly<Record<string, string>>;
  /**
   * Asks the platform too what runners cost in that time (an ADMIN key), which belongs to no call. Needs `since`, and takes
   * only `until` and `app` beside it. @default false
   */
  readonly runners?: boolean;
  /** Another currency that sums are told in too, at a rate that you vouch for. */
  readonly currency?: CurrencyRate;
}

export interface CostRow extends CostSum {
  /** By what was asked for. Undefined where the calls have none. A run reads `chain/id`. */
  readonly key: Readonly<Record<string, string | undefined>>;
}

export interface Costs {
  /** Times first, in their order; then what cost most. */
  readonly rows: readonly CostRow[];
  /** The sum of the rows. */
  readonly total: CostSum;
  /** The months of that time that are closed, the earliest first: `{ month: "2026-10", closedAt }`. */
  readonly closed: readonly { readonly month: string; readonly closedAt: number }[];
  /** What the account's runners cost beside that, where it was asked for. */
  readonly runners?: RunnerCosts;
  /** The other currency that it was asked for in: each sum has its total in it as `converted`. */
  readonly currency?: CurrencyRate;
}

const QUERY: OptionsOf<CostQuery> = {
  by: list,
  since: time,
  until: time,
  endpoint: anyText,
  chain: anyText,
  run: anyText,
  jobId: anyText,
  app: anyText,
  request: anyText,
  caller: anyText,
  rootRun: anyText,
  rootJob: anyText,
  keyId: anyText,
  account: anyText,
  tags: record,
  runners: flag,
  currency: record,
};

type CallsQuery = Omit<CostQuery, "since" | "until" | "runners" | "currency"> & {
  readonly since?: number;
  readonly until?: number;
};

/** What reports are made of. */
export interface CostSources {
  readonly store: Pick<Store, "spend" | "months" | "calls">;
  readonly clock: Clock;
  readonly runnerUsage: ReadRunnerCosts;
  readonly price: ReadPrice;
}

/** @throws {InvalidArgumentError} for a key or a time that there is not. */
export async function costsIn(
  { store, clock, price, runnerUsage: readRunners }: CostSources,
  query: CostQuery = {},
): Promise<Costs> {
  checkOptions(query, QUERY, { of: "costs" });
  const { runners, currency, ...ofCalls } = inMilliseconds(query, clock.now());
  if (currency) checkRate(currency);
  const ofRunners = runners ? await runnerCosts(readRunners, ofCalls) : undefined;
  const { rows, total } = await costsOfCalls(store, ofCalls, () => priceLate(store, clock, price, ofCalls));
  const told = <S extends CostSum>(sum: S): S =>
    currency ? { ...sum, converted: converted(sum.usd.total, currency) } : sum;
  return {
    ...{ rows: rows.map(told), total: told(total) },
    ...(currency && { currency }),
    closed: await closedIn(store, ofCalls),
    ...(ofRunners && { runners: ofRunners }),
  };
}

async function closedIn(
  { months }: Pick<Store, "months">,
  { since = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY }: CallsQuery,
): Promise<Costs["closed"]> {
  const closed = (await months.closed()).filter(({ month }) => month < until && monthAfter(month) > since);
  return closed.map(({ month, closedAt }) => ({ month: monthText(month), closedAt }));
}

async function costsOfCalls(
  store: Pick<Store, "spend">,
  { by = ["endpoint"], tags = {}, ...same }: CallsQuery,
  price: () => Promise<boolean>,
): Promise<Pick<Costs, "rows" | "total">> {
  const hasTags = Object.keys(tags).length > 0;
  const groups = new Set(by.flatMap(groupsOf));
  if (hasTags) groups.add("userTags");
  const asked = { ...same, by: [...groups] };
  const known = await store.spend(asked);
  const found = lackPrices(known) && (await price()) ? await store.spend(asked) : known;
  const spends = hasTags ? found.filter((spend) => carries(spend, tags)) : found;

  const rows = new Map<string, { key: CostRow["key"]; spends: Spend[] }>();
  for (const spend of spends) {
    const key = Object.fromEntries(by.map((name) => [name, partOf(spend, name)]));
    const identity = JSON.stringify(by.map((name) => key[name] ?? null));
    const row = rows.get(identity) ?? { key, spends: [] };
    row.spends.push(spend);
    rows.set(identity, row);
  }
  const sums = [...rows.values()].map(({ key, spends }) => ({ key, ...sumOf(spends) }));
  return { rows: sums.sort(inOrderOf(by)), total: sumOf(spends) };
}

const GROUPS = {
  endpoint: ["endpoint"],
  chain: ["chain"],
  run: ["chain", "run"],
  step: ["step"],
  job_id: ["jobId"],
  app: ["app"],
  request: ["request"],
  caller: ["caller"],
  root_run: ["rootRun"],
  root_job: ["rootJob"],
  key_id: ["keyId"],
  account: ["account"],
  month: ["day"],
  day: ["day"],
  hour: ["hour"],
} as const satisfies Record<(typeof COST_KEYS)[number], readonly SpendGroup[]>;

function groupsOf(key: CostKey): readonly SpendGroup[] {
  if (/^tag:./.test(key)) return ["userTags"];
  if (Object.hasOwn(GROUPS, key)) return GROUPS[key as keyof typeof GROUPS];
  const meant = nearest(key, COST_KEYS);
  throw new InvalidArgumentError(
    `Costs cannot be grouped by ${JSON.stringify(key)}; they can by ${COST_KEYS.join(", ")} and tag:<name>. ` +
      `Did you mean "${meant ?? `tag:${key}`}"?`,
  );
}

function partOf({ group }: Spend, key: CostKey): string | undefined {
  const text = (name: SpendGroup) => group[name] as string | undefined;
  switch (key) {
    case "run":
      return runOf({ chain: text("chain"), run: text("run") });
    case "job_id":
      return text("jobId");
    case "root_run":
      return text("rootRun");
    case "root_job":
      return text("rootJob");
    case "key_id":
      return text("keyId");
    case "month":
      return isoOf(group.day)?.slice(0, 7);
    case "day":
      return isoOf(group.day)?.slice(0, 10);
    case "hour":
      return isoOf(group.hour)?.replace(/:\d\d\.\d{3}Z$/, "Z");
    case "endpoint":
    case "chain":
    case "step":
    case "app":
    case "request":
    case "caller":
    case "account":
      return text(key);
    default:
      return tagOf(tagsOf(group), key.slice("tag:".length));
  }
}

/** Undefined for what is no time, as in a row that was changed by hand. */
function isoOf(time: unknown): string | undefined {
  const date = new Date(Number(time));
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** None of a row that was changed by hand. */
function tagsOf({ userTags }: Spend["group"]): Record<string, string> {
  try {
    const tags: unknown = JSON.parse(String(userTags));
    return typeof tags === "object" && tags !== null ? (tags as Record<string, string>) : {};
  } catch {
    return {};
  }
}

/** Whether calls that are grouped by their tags have all of these. */
export function carries({ group }: Spend, tags: Readonly<Record<string, string>>): boolean {
  const has = tagsOf(group);
  return Object.entries(tags).every(([name, value]) => tagOf(has, name) === value);
}

const inOrderOf = (by: readonly CostKey[]) => {
  const times = by.filter((key) => key === "month" || key === "day" || key === "hour");
  return (a: CostRow, b: CostRow): number => {
    for (const key of times) {
      const order = compare(a.key[key], b.key[key]);
      if (order !== 0) return order;
    }
    if (a.nanoUsd !== b.nanoUsd) return b.nanoUsd - a.nanoUsd;
    return compare(JSON.stringify(a.key), JSON.stringify(b.key));
  };
};

const compare = (a = "", b = ""): number => (a < b ? -1 : a > b ? 1 : 0);
