import { InvalidArgumentError } from "../errors/arguments.ts";
import type { Kind, PastCost } from "../journal/kind.ts";
import { formatUsd, type UnitPrice } from "../money/cost.ts";
import { kindOf, type ToldKind } from "./kind.ts";
import { fromPast } from "./past-costs.ts";
import { countIn, determinedUnits, isOfCharacters, isVariable } from "./units.ts";

/** What a call is likely to cost, in nano-USD, and what that rests on. */
export type Estimate = KnownEstimate | UnknownEstimate;

/** The least, the most likely and the most that a call is expected to cost, in whole nano-USD: a budget sets `high` aside. */
export interface Range {
  readonly low: number;
  readonly likely: number;
  readonly high: number;
}

export interface KnownEstimate extends Range {
  /**
   * `given`: units that the caller or the client names, times their price. `ledger`: what such calls have cost here. `history`:
   * what fal says that calls of the endpoint cost. `price`: units that the input determines, times their price; a free model too.
   */
  readonly source: "given" | "ledger" | "history" | "price";
  /** How many calls of this ledger it rests on. */
  readonly count: number;
  /** One sentence, for people. */
  readonly why: string;
  /** Where it is units times their price. */
  readonly units?: number;
  readonly unit?: string;
  /** May be a fraction of a nano-dollar. */
  readonly unitPriceNanoUsd?: number;
  /** When the price was read, in milliseconds since the epoch. */
  readonly pricedAt?: number;
}

export interface UnknownEstimate {
  readonly source: "unknown";
  /** `no_price`: the platform tells none. `no_units`: there is a price, and nothing says how many units it will be. */
  readonly reason: "no_price" | "no_units";
  readonly count: 0;
  readonly why: string;
}

/** How many of an endpoint's units a call will be billed, as its caller knows: a number, or a function of the input. */
// biome-ignore lint/suspicious/noExplicitAny: what an endpoint takes that nobody has described, only the caller knows
export type UnitsOf = number | ((input: any) => number | undefined);

export interface EstimateOptions {
  /** How many of the endpoint's units the call will be billed, where you know it. @default what the sources tell */
  readonly units?: UnitsOf | undefined;
}

/** A call whose cost is asked for before it is made. */
export interface Asked extends EstimateOptions {
  readonly endpoint: string;
  readonly input: unknown;
  /** What the endpoint takes for fields that an input leaves out; undefined where nobody knows. */
  readonly defaults?: Readonly<Record<string, unknown>> | undefined;
}

export type EstimateCall = (call: Asked) => Promise<Estimate>;

export interface EstimateSources {
  /** What calls of a kind have cost here, the newest first. */
  past(kind: string): Promise<readonly PastCost[]>;
  price(endpoint: string): Promise<UnitPrice | undefined>;
  /** In nano-dollars, for one call. */
  usualCost(endpoint: string): Promise<number | undefined>;
  /** What the client knows of its endpoints. */
  readonly units: Readonly<Record<string, UnitsOf>> | undefined;
}

/** The input as the endpoint will read it. */
const withDefaults = (input: unknown, defaults: Asked["defaults"]): unknown => {
  if (!defaults || typeof input !== "object" || input === null) return input;
  const given = Object.entries(input).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(given) };
};

/** The kind of a call, with the defaults in it. */
export async function kindOfCall({ endpoint, input, defaults }: Asked): Promise<Kind> {
  const { name, amount, characters } = await kindOf(endpoint, withDefaults(input, defaults));
  return { name, amount, characters };
}

/**
 * The units that a caller or else the client names.
 *
 * @throws {InvalidArgumentError} for what is no number from 0 up.
 */
export function unitsSaid(
  { endpoint, input, units }: Asked,
  ofClient: EstimateSources["units"],
): number | undefined {
  const said = units ?? (ofClient && Object.hasOwn(ofClient, endpoint) ? ofClient[endpoint] : undefined);
  const number = typeof said === "function" ? said(input) : said;
  if (number === undefined || (typeof number === "number" && number >= 0 && Number.isFinite(number)))
    return number;
  throw new InvalidArgumentError(
    `units of ${endpoint} is ${String(number)}; it is a number from 0 up. Nothing was sent.`,
  );
}

/** From the surest source to the least sure: what is known, what such calls cost here, what fal says, what price and input make. */
export const estimates =
  (sources: EstimateSources): EstimateCall =>
  async (call) => {
    const units = unitsSaid(call, sources.units);
    const { endpoint } = call;
    if (units !== undefined) return ofUnits(units, await sources.price(endpoint));
    const input = withDefaults(call.input, call.defaults);
    const kind = await kindOf(endpoint, input);
    const past = await sources.past(kind.name);
    const known = past.length > 0 && (await fromLedger(past, kind, sources.price(endpoint)));
    if (known) return known;
    // Both are asked at once: whoever waits for them is about to pay.
    const [priced, usual] = await Promise.all([
      settled(sources.price(endpoint)),
      settled(sources.usualCost(endpoint)),
    ]);
    if (priced.value?.unitPriceNanoUsd === 0) return FREE;
    const fromPrice = priced.value && ofInput(priced.value, input, kind, call.defaults !== undefined);
    if (usual.value !== undefined) return fromHistory(usual.value, input, fromPrice);
    if (fromPrice) return fromPrice;
    // Not to be reached is not the same as not to be had.
    if (priced.error ?? usual.error) throw priced.error ?? usual.error;
    return priced.value ? noUnits(priced.value.unit) : NO_PRICE;
  };

async function fromLedger(
  past: readonly PastCost[],
  kind: ToldKind,
  price: Promise<UnitPrice | undefined>,
): Promise<KnownEstimate | undefined> {
  const unit = (await settled(price)).value?.unit;
  const isByText = unit === undefined ? kind.isSpoken : isOfCharacters(unit);
  const known = fromPast(past, kind, { isByText, isVariable: isVariable(unit) });
  return known && { source: "ledger", ...known };
}

const FREE: KnownEstimate = {
  source: "price",
  ...{ low: 0, likely: 0, high: 0, count: 0 },
  why: "the endpoint is free",
};

const NO_PRICE: UnknownEstimate = {
  source: "unknown",
  ...{ reason: "no_price", count: 0 },
  why: "the platform tells no price, no such call was made here, and fal has no history of it",
};

const noUnits = (unit: string): UnknownEstimate => ({
  source: "unknown",
  ...{ reason: "no_units", count: 0 },
  why: `the price is for ${JSON.stringify(unit)}, of which the input does not determine how many it takes; no such call was made here, and fal has no history of it`,
});

/** What it will cost, where somebody says how many units it will be. */
function ofUnits(units: number, price: UnitPrice | undefined): Estimate {
  if (!price) return NO_PRICE;
  return ofPrice({ least: units, most: units }, price, "given");
}

function ofInput(
  price: UnitPrice,
  input: unknown,
  { characters }: Kind,
  isWhole: boolean,
): KnownEstimate | undefined {
  const units = determinedUnits(price.unit, input, { isWhole, characters });
  return units && ofPrice(units, price, "price");
}

function ofPrice(
  { least, most }: { readonly least: number; readonly most: number },
  { unit, unitPriceNanoUsd, at }: UnitPrice,
  source: "given" | "price",
): KnownEstimate {
  const high = whole(most * unitPriceNanoUsd);
  return {
    source,
    ...{ low: whole(least * unitPriceNanoUsd), likely: high, high, count: 0 },
    why: `${most} × ${unit.trim()} at ${formatUsd(unitPriceNanoUsd)}${source === "given" ? ", as the caller says" : ""}`,
    ...{ units: most, unit, unitPriceNanoUsd },
    ...(at !== undefined && { pricedAt: at }),
  };
}

/** An average of everybody's calls: one of them may well be twice that, and more of the same cost more. */
function fromHistory(usual: number, input: unknown, fromPrice: KnownEstimate | undefined): KnownEstimate {
  const count = countIn(input) ?? 1;
  const likely = whole(usual * count);
  const range = fromPrice
    ? { low: Math.min(likely, fromPrice.low), high: Math.max(likely, fromPrice.high) }
    : { low: whole(likely / 2), high: whole(likely * 2) };
  return {
    source: "history",
    ...{ low: range.low, likely, high: range.high, count: 0 },
    why:
      `fal says that calls of it cost ${formatUsd(usual)}${count === 1 ? "" : `, times ${count}`}` +
      (fromPrice ? `; ${fromPrice.why} are ${formatUsd(fromPrice.high)}` : ""),
  };
}

/** However much an input asks for, it is a number that can be compared with a budget. */
export const whole = (nanoUsd: number): number =>
  Math.min(Math.round(Math.max(nanoUsd, 0)), Number.MAX_SAFE_INTEGER);

interface Settled<T> {
  readonly value?: T | undefined;
  readonly error?: unknown;
}

const settled = <T>(asked: Promise<T>): Promise<Settled<T>> =>
  asked.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
