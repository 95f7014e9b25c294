import type { UserTags } from "../attribution/tags.ts";
import {
  anyText,
  anything,
  checkOptions,
  flag,
  number,
  type OptionsOf,
  record,
  text,
} from "../base/options.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { BudgetExceededError, UnknownPriceError } from "../errors/money.ts";
import type { BudgetUse, Overrun } from "../journal/spend.ts";
import type { Store } from "../journal/store.ts";
import { formatUsd } from "../money/cost.ts";
import {
  type BudgetSettings,
  clientLimit,
  type Expected,
  type Limit,
  type LimitFacts,
  limitsOf,
  type RunBudget,
  runLimit,
  setAside,
  tagName,
  toNano,
  type WindowBudget,
  windowStart,
  withShortName,
} from "./budget.ts";
import type { Estimate } from "./estimate.ts";

/** How a budget stands, in nano-USD. */
export interface BudgetState {
  /** As a BudgetExceededError names it: `client`, `tag:customer=acme`, `run:poster/order-1042`. */
  readonly budget: string;
  readonly limitNanoUsd: number;
  /** What calls of known cost cost. */
  readonly chargedNanoUsd: number;
  /** What is set aside for calls under way, in doubt, or of unknown cost. */
  readonly reservedNanoUsd: number;
  /** What a call may still cost; 0 where it is overdrawn. */
  readonly leftNanoUsd: number;
  /** How the window came to be beyond its limit; undefined where it is not. */
  readonly overshot?: Overshoot;
  /** Undefined where there is one window for ever, and where only the store is known. */
  readonly per: WindowBudget["per"];
  /** When the window began, in milliseconds since the epoch; undefined where it always was. */
  readonly since: number | undefined;
  /** When it begins anew, in milliseconds since the epoch; undefined where it never does. */
  readonly until: number | undefined;
}

/** A window that more was charged and reserved of than its limit. */
export interface Overshoot {
  readonly nanoUsd: number;
  /** The calls that cost farthest more than they had been estimated to at most, five at most: those first. */
  readonly calls: readonly Overrun[];
  /** One sentence, for people. */
  readonly why: string;
}

/** Which budgets: those that hold for calls with these tags, or within this run. */
export interface BudgetQuery {
  /** Besides the tags that are here now, as of `fal.withTags`. */
  readonly tags?: UserTags;
  /** `chain/id` of a run that exists. */
  readonly run?: string;
}

export interface BudgetListQuery extends BudgetQuery {
  /**
   * Without tags and run: also what the store has noted of other programs' budgets and of runs that have ended, the latest
   * window of each, with the limit that its last call was held to. @default false
   */
  readonly noted?: boolean;
}

/** What is to be paid: an amount, or a call. */
export interface BudgetCheckOptions extends BudgetQuery {
  /** US dollars, for all of it. */
  readonly usd?: number;
  /** A call's endpoint and input, of which it is estimated what it costs. */
  readonly endpoint?: string;
  readonly input?: unknown;
}

export interface BudgetCheck {
  /** Whether each budget has room for it now. Nothing is set aside: a call that comes first may take the room. */
  readonly fits: boolean;
  /** What a call would be refused with. */
  readonly refusal: BudgetExceededError | UnknownPriceError | undefined;
  /** What it is expected to cost: budgets set `high` aside. */
  readonly expected: Estimate;
  /** Those that it is held to. */
  readonly budgets: readonly BudgetState[];
}

/** What budgets have left, for those who decide before anything is started. Nothing is sent or set aside. */
export interface Budgets {
  /**
   * The budgets that hold for calls with these tags or of this run. Without either, all of them: the client's, each value of a
   * tag that has called in this window, and those of runs that have not ended.
   *
   * @throws {InvalidArgumentError} for a run that there is not.
   */
  (query?: BudgetListQuery): Promise<BudgetState[]>;
  /**
   * Whether there is room for an amount or a call.
   *
   * @throws {InvalidArgumentError} where it is said neither what it costs nor what is called.
   * @example
   * const { fits, refusal } = await fal.budgets.check({ tags: { customer: "acme" }, usd: 0.1 });
   * if (!fits) return new Response(refusal?.message, { status: 402 });
   */
  check(payment: BudgetCheckOptions): Promise<BudgetCheck>;
}

export interface BudgetSources {
  readonly store: Store;
  readonly now: number;
  readonly settings: BudgetSettings;
  readonly estimate: (endpoint: string, input: unknown) => Promise<Estimate>;
  /** The tags that are here now. */
  readonly tags: UserTags;
  /** Whom a call would be for that is made here and now. */
  readonly whose: Omit<LimitFacts, "userTags">;
  /** The budgets of a run and of those that it is within, by its name; without one those of the run that the code is in. */
  readonly ofRun: (name: string | undefined) => Promise<readonly RunBudget[]>;
  readonly ofOpenRuns: () => Promise<readonly RunBudget[]>;
}

/** @param sources Asked each time, since it depends on where the code is. */
export const createBudgets = (sources: () => BudgetSources): Budgets =>
  Object.assign((query: BudgetListQuery = {}) => statesFor(sources(), query), {
    check: (payment: BudgetCheckOptions) => check(sources(), payment),
  });

const QUERY: OptionsOf<BudgetQuery> = { tags: record, run: anyText };
const LIST: OptionsOf<BudgetListQuery> = { ...QUERY, noted: flag };
const CHECK: OptionsOf<BudgetCheckOptions> = {
  ...QUERY,
  usd: number(0, "dollars"),
  endpoint: text,
  input: anything,
};

async function statesFor(sources: BudgetSources, query: BudgetListQuery): Promise<BudgetState[]> {
  checkOptions(query, LIST, { of: "budgets" });
  const isAll = query.tags === undefined && query.run === undefined;
  const limits = isAll ? await allLimits(sources) : await limitsFor(sources, query);
  const states = await Promise.all(limits.map((limit) => stateOf(sources, limit)));
  return isAll && query.noted ? [...states, ...(await notedBesides(sources, states))] : states;
}

/** What the store has of budgets that nobody here has set. */
async function notedBesides({ store }: BudgetSources, known: readonly BudgetState[]): Promise<BudgetState[]> {
  const names = new Set(known.map(({ budget }) => budget));
  const latest = new Map<string, BudgetUse>();
  for (const use of (await store.used({})).sort((a, b) => a.window - b.window)) {
    if (!names.has(use.budget)) latest.set(use.budget, use);
  }
  const states = [...latest.values()]
    .sort((a, b) => b.window - a.window)
    .flatMap(({ limitNanoUsd, ...use }) =>
      limitNanoUsd === undefined
        ? []
        : [explained(store, stateIn(use, { limitNanoUsd, per: undefined, until: undefined }), use.window)],
    );
  return Promise.all(states);
}

async function limitsFor(
  { settings, whose, tags: here, ofRun }: BudgetSources,
  { tags, run }: BudgetQuery,
): Promise<Limit[]> {
  const given = Object.entries({ ...here, ...tags }).filter(([, value]) => value !== undefined);
  const userTags = Object.fromEntries(given.map(([key, value]) => [key, String(value)]));
  return limitsOf(settings, { ...whose, userTags }, await ofRun(run));
}

async function allLimits({ store, now, settings, whose, ofOpenRuns }: BudgetSources): Promise<Limit[]> {
  const ofTags = (settings.tags ?? []).map(async (budget): Promise<Limit[]> => {
    const { tag, value, per } = budget;
    if (value !== undefined) return [{ name: tagName(tag, value), budget }];
    const uses = await store.used({ beginsWith: tagName(tag, ""), window: windowStart(now, per) });
    return uses.map(({ budget: name }) => ({ name, budget })).sort((a, b) => (a.name < b.name ? -1 : 1));
  });
  const all = [
    ...clientLimit(whose, settings.client),
    ...(await Promise.all(ofTags)).flat(),
    ...(await ofOpenRuns()).map(runLimit),
  ];
  return Promise.all(all.map(withShortName));
}

async function stateOf({ store, now }: BudgetSources, { name, budget, since }: Limit): Promise<BudgetState> {
  const { per } = budget;
  const window = since ?? windowStart(now, per);
  const [use] = await store.used({ budget: name, window });
  const { chargedNanoUsd = 0, reservedNanoUsd = 0 } = use ?? {};
  const terms = { limitNanoUsd: toNano(budget.usd), per, until: windowEnd(now, per) };
  return explained(store, stateIn({ budget: name, window, chargedNanoUsd, reservedNanoUsd }, terms), window);
}

async function explained(
  { overruns }: Pick<Store, "overruns">,
  state: BudgetState,
  window: number,
): Promise<BudgetState> {
  const { budget, chargedNanoUsd, reservedNanoUsd, limitNanoUsd } = state;
  const nanoUsd = chargedNanoUsd + reservedNanoUsd - limitNanoUsd;
  if (nanoUsd <= 0) return state;
  const calls = await overruns(budget, window);
  return { ...state, overshot: { nanoUsd, calls, why: whyOvershot(calls) } };
}

function whyOvershot([dearest, ...others]: readonly Overrun[]): string {
  if (!dearest) return "its limit was higher when its calls were let through";
  const { callId, endpoint, chargedNanoUsd, reservedNanoUsd } = dearest;
  const more = others.length === 0 ? "" : `, and so did ${others.length} others or more`;
  return (
    `call ${callId} to ${endpoint} was charged ${formatUsd(chargedNanoUsd)} where ${formatUsd(reservedNanoUsd)} ` +
    `was set aside${more}`
  );
}

function stateIn(
  { budget, window, chargedNanoUsd, reservedNanoUsd }: Omit<BudgetUse, "limitNanoUsd">,
  { limitNanoUsd, per, until }: Pick<BudgetState, "limitNanoUsd" | "per" | "until">,
): BudgetState {
  const leftNanoUsd = Math.max(0, limitNanoUsd - chargedNanoUsd - reservedNanoUsd);
  const since = window === 0 ? undefined : window;
  return { budget, limitNanoUsd, chargedNanoUsd, reservedNanoUsd, leftNanoUsd, per, since, until };
}

function windowEnd(now: number, per: WindowBudget["per"]): number | undefined {
  const start = new Date(windowStart(now, per));
  if (per === undefined) return undefined;
  if (per === "month") return start.setUTCMonth(start.getUTCMonth() + 1);
  return per === "day" ? start.setUTCDate(start.getUTCDate() + 1) : start.getTime() + 3_600_000;
}

async function check(sources: BudgetSources, payment: BudgetCheckOptions): Promise<BudgetCheck> {
  checkOptions(payment, CHECK, { of: "budgets.check" });
  const { usd, endpoint, input } = payment;
  if ((usd === undefined) === (endpoint === undefined)) {
    throw new InvalidArgumentError(
      "budgets.check is told what is to be paid: usd, or the endpoint and the input of a call; and one of the two.",
    );
  }
  const expected: Estimate =
    endpoint === undefined ? exactly(toNano(usd ?? 0)) : await sources.estimate(endpoint, input ?? {});
  const limits = await limitsFor(sources, payment);
  const budgets = await Promise.all(limits.map((limit) => stateOf(sources, limit)));
  const refusals = limits.map((limit, n) =>
    refusalOf(limit, budgets[n] as BudgetState, endpoint ?? "", expected),
  );
  const refusal = refusals.find((found) => found !== undefined);
  return { fits: refusal === undefined, refusal, expected, budgets };
}

const exactly = (nanoUsd: number): Estimate => ({
  source: "given",
  ...{ low: nanoUsd, likely: nanoUsd, high: nanoUsd, count: 0 },
  why: "the amount that was asked about",
});

function refusalOf(
  limit: Limit,
  state: BudgetState,
  endpoint: string,
  expected: Expected,
): BudgetCheck["refusal"] {
  try {
    const nanoUsd = setAside({ endpoint }, limit, expected);
    const { budget, limitNanoUsd, chargedNanoUsd, reservedNanoUsd } = state;
    const fits = chargedNanoUsd + reservedNanoUsd + nanoUsd <= limitNanoUsd;
    return fits ? undefined : new BudgetExceededError({ budget, window: 0, limitNanoUsd, nanoUsd }, state);
  } catch (error) {
    if (error instanceof UnknownPriceError) return error;
    throw error;
  }
}
