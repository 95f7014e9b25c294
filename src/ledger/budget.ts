import { isTagKey, tagOf } from "../attribution/tag-key.ts";
import { sha256 } from "../base/sha256.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { UnknownPriceError } from "../errors/money.ts";
import type { Intent } from "../journal/call.ts";
import type { Store } from "../journal/store.ts";
import type { Budget } from "../money/budget.ts";
import type { Reservation } from "../money/cost.ts";
import type { Asked, EstimateCall, KnownEstimate, UnknownEstimate } from "./estimate.ts";
import { firstOfKind, type Newcomer } from "./first-of-kind.ts";

/** A budget that begins anew with each window: UTC's hours, days or months, by the time of the intent. */
export interface WindowBudget extends Budget {
  /** @default one window for ever */
  readonly per?: "hour" | "day" | "month";
}

/** Each value of the tag has a budget of its own. Calls without the tag have none. */
export interface TagBudget extends WindowBudget {
  /** One of the user's own tags, such as `customer`, or one that the client sets: `job_id`, `app`, `chain`, `run`, `request`. */
  readonly tag: string;
  /** Only this value. @default each */
  readonly value?: string;
}

/** The budget of a run that a call belongs to. */
export interface RunBudget {
  readonly chain: string;
  readonly run: string;
  /** When the run was started, in milliseconds since the epoch: one that was forgotten is not the next one of its id. */
  readonly startedAt: number;
  readonly budget: Budget;
}

/** What decides which budgets a call is held to. */
export type BudgetFacts = Pick<Intent, "endpoint" | "for"> & Newcomer & { readonly asked: Asked };

/**
 * What a call has to reserve, once the time of its intent is known.
 *
 * @param runs The budgets of the call's run, and of those that this one was started within.
 * @throws {UnknownPriceError} where a budget refuses what nobody knows the price of.
 */
export type Reserve = (
  call: BudgetFacts,
  runs: readonly RunBudget[],
) => Promise<(at: number) => readonly Reservation[]>;

/** The budgets that a client is given. */
export interface BudgetSettings {
  readonly client?: WindowBudget | undefined;
  readonly tags?: readonly TagBudget[] | undefined;
}

/** @throws {InvalidArgumentError} for a budget that is none. */
export function budgets(settings: BudgetSettings, estimate: EstimateCall, uses: BudgetUses): Reserve {
  const { client, tags = [] } = settings;
  for (const budget of [...(client ? [client] : []), ...tags]) checkBudget(budget);
  for (const { tag } of tags)
    if (!isTagKey(tag)) throw notOne(`tag is ${JSON.stringify(tag)}; no call can have that tag`);

  const withoutRush = firstOfKind();
  return async (call, runs) => {
    if (!client && tags.length === 0 && runs.length === 0) return NOTHING_RESERVED;
    const limits = await limitsOf(settings, call.for, runs);
    if (limits.length === 0) return NOTHING_RESERVED;
    const expected = await withoutRush(
      call,
      (): Promise<Expected> => estimate(call.asked).catch(() => NO_PRICE),
      (nanoUsd) => haveRoom(limits, nanoUsd, uses),
    );
    const wanted = limits.map((limit) => ({ ...limit, nanoUsd: setAside(call, limit, expected) }));
    return (at) =>
      oncePerWindow(
        wanted.map(({ name, budget, since, nanoUsd }) => ({
          budget: name,
          window: since ?? windowStart(at, budget.per),
          limitNanoUsd: toNano(budget.usd),
          nanoUsd,
        })),
      );
  };
}

/** What budgets have used by now, and what now is. */
export interface BudgetUses {
  readonly now: () => number;
  readonly used: Store["used"];
}

/** Whether so much can be set aside of each at this moment. Nothing is. */
async function haveRoom(
  limits: readonly Limit[],
  nanoUsd: number,
  { now, used }: BudgetUses,
): Promise<boolean> {
  for (const { name, budget, since } of limits) {
    const [use] = await used({ budget: name, window: since ?? windowStart(now(), budget.per) });
    const { chargedNanoUsd = 0, reservedNanoUsd = 0 } = use ?? {};
    if (chargedNanoUsd + reservedNanoUsd + nanoUsd > toNano(budget.usd)) return false;
  }
  return true;
}

const NOTHING_RESERVED = (): readonly Reservation[] => [];

/**
 * Two budgets may share a window, as those of an hour and of a day do in the first hour of the day: the call takes its part
 * of it once, and the narrower limit holds.
 */
function oncePerWindow(reservations: readonly Reservation[]): readonly Reservation[] {
  const found = new Map<string, Reservation>();
  for (const reservation of reservations) {
    const key = JSON.stringify([reservation.budget, reservation.window]);
    const { limitNanoUsd, nanoUsd } = found.get(key) ?? reservation;
    found.set(key, {
      ...reservation,
      limitNanoUsd: Math.min(limitNanoUsd, reservation.limitNanoUsd),
      nanoUsd: Math.max(nanoUsd, reservation.nanoUsd),
    });
  }
  return [...found.values()];
}

/** The limits that a call is held to. */
export function limitsOf(
  { client, tags = [] }: BudgetSettings,
  whose: LimitFacts,
  runs: readonly RunBudget[],
): Promise<Limit[]> {
  const found = [...runs.map(runLimit), ...clientLimit(whose, client), ...tags.flatMap(tagLimit(whose))];
  return Promise.all(found.map(withShortName));
}

/** Whom a call is for, as far as budgets care. */
export type LimitFacts = Pick<BudgetFacts["for"], "userTags" | "jobId" | "app" | "chain" | "run" | "request">;

const NO_PRICE: Pick<UnknownEstimate, "source" | "reason"> = { source: "unknown", reason: "no_price" };

/** What a call is expected to cost, as far as a budget cares. */
export type Expected = Pick<KnownEstimate, "source" | "low" | "high"> | typeof NO_PRICE;

export interface Limit {
  readonly name: string;
  readonly budget: WindowBudget;
  /** The start of its only window, where that is not for ever. */
  readonly since?: number;
}

/** A chain's name may hold a slash, and two runs must not share a budget for that. */
export const runLimit = ({ chain, run, startedAt, budget }: RunBudget): Limit => ({
  name: `run:${chain.replace(/[%/]/g, encodeURIComponent)}/${run}`,
  budget,
  since: startedAt,
});

/** Clients of the same app that share a store share its budget. */
export const clientLimit = ({ app }: Pick<LimitFacts, "app">, budget: WindowBudget | undefined): Limit[] =>
  budget ? [{ name: app === undefined ? "client" : `client:${app}`, budget }] : [];

const tagLimit =
  ({ userTags, jobId, app, chain, run, request }: LimitFacts) =>
  (budget: TagBudget): Limit[] => {
    const value = tagOf(
      { ...userTags, ...withoutGaps({ job_id: jobId, app, chain, run, request }) },
      budget.tag,
    );
    if (value === undefined || (budget.value !== undefined && budget.value !== value)) return [];
    // As JSON writes it: a value may hold what a database's text may not.
    return [{ name: tagName(budget.tag, value), budget }];
  };

export const tagName = (tag: string, value: string): string =>
  `tag:${tag}=${JSON.stringify(value).slice(1, -1)}`;

const withoutGaps = (tags: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(tags).filter((tag): tag is [string, string] => tag[1] !== undefined));

const LONGEST_NAME = 200;

/** A value of a tag may be of any length, and a database's index has a limit: two long names differ in their hash. */
export async function withShortName(limit: Limit): Promise<Limit> {
  const { name } = limit;
  if (name.length <= LONGEST_NAME) return limit;
  const hash = await sha256(name);
  const prefix = name.slice(0, LONGEST_NAME - hash.length - 1).replace(/[\ud800-\udbff]$/, "");
  return { ...limit, name: `${prefix}~${hash}` };
}

/** @throws {UnknownPriceError} */
export function setAside(
  { endpoint }: Pick<BudgetFacts, "endpoint">,
  { name, budget }: Limit,
  expected: Expected,
): number {
  if (expected.source !== "unknown") return expected.high;
  const { unknownPrice = "refuse" } = budget;
  if (typeof unknownPrice === "object") return toNano(unknownPrice.assumeUsd);
  if (unknownPrice === "allow") return 0;
  throw new UnknownPriceError(endpoint, name, expected.reason);
}

export const toNano = (usd: number): number => Math.round(usd * 1e9);

export function windowStart(at: number, per: WindowBudget["per"]): number {
  if (per === undefined) return 0;
  const date = new Date(at);
  if (per === "month") return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
  return per === "day" ? date.setUTCHours(0, 0, 0, 0) : date.setUTCMinutes(0, 0, 0);
}

/** @throws {InvalidArgumentError} */
export function checkBudget({ usd, unknownPrice, per }: WindowBudget): void {
  if (!isAmount(usd)) {
    // A text is written as one: "5" is no number.
    const given = typeof usd === "string" ? JSON.stringify(usd) : usd;
    throw notOne(`usd is ${given}; it is a number of dollars, from 0 up`);
  }
  if (per !== undefined && !["hour", "day", "month"].includes(per)) {
    throw notOne(`per is ${JSON.stringify(per)}; it is hour, day or month`);
  }
  const isKnown =
    unknownPrice === undefined || unknownPrice === "refuse" || unknownPrice === "allow"
      ? true
      : isAmount(unknownPrice.assumeUsd);
  if (!isKnown) {
    throw notOne(`unknownPrice is ${JSON.stringify(unknownPrice)}; it is "refuse", "allow" or { assumeUsd }`);
  }
}

const isAmount = (usd: unknown): boolean =>
  typeof usd === "number" && usd >= 0 && Number.isSafeInteger(toNano(usd));

const notOne = (problem: string): InvalidArgumentError =>
  new InvalidArgumentError(`A budget's ${problem}. Nothing was sent.`);
