import { parseOwn } from "../base/json.ts";
import type { CallRecord, CallState, ReuseOf } from "../journal/call.ts";
import type { Correction } from "../journal/months.ts";
import { runOf } from "../journal/run-name.ts";
import { beforeDiscount, type Cost, formatUsd, knownNanoUsd, savedNanoUsd } from "../money/cost.ts";
import { formatUnits } from "./format.ts";
import { tellingFields } from "./kind.ts";
import { sumOfCalls, type UnknownReason } from "./sum.ts";

/** How a call came to what it cost, step by step, and where two of the steps do not agree. Plain data. */
export interface Explanation {
  readonly callId: string;
  readonly endpoint: string;
  readonly state: CallState;
  /** `chain/id` */
  readonly run: string | undefined;
  readonly step: string | undefined;
  /** When it was intended, in milliseconds since the epoch, and the UTC day and month that it counts in. */
  readonly window: { readonly at: number; readonly day: string; readonly month: string };
  /** What of the input tells what it costs: its choices and numbers; undefined where the store does not have it. */
  readonly input: Readonly<Record<string, string | number | boolean>> | undefined;
  readonly units: {
    /** What the result said, and what was charged for. */
    readonly said: number | undefined;
    readonly charged: number | undefined;
    readonly unit: string | undefined;
  };
  /** Of one unit, before discounts, as it was read and as it was charged. May be fractions of a nano-dollar. */
  readonly unitPrice: {
    readonly readNanoUsd: number | undefined;
    readonly readAt: number | undefined;
    readonly chargedNanoUsd: number | undefined;
  };
  /** What a discount took off. */
  readonly discountNanoUsd: number;
  readonly measuredNanoUsd: number | undefined;
  readonly invoicedNanoUsd: number | undefined;
  /** Undefined where it is not known. */
  readonly nanoUsd: number | undefined;
  readonly source: Cost["source"] | "none";
  readonly reuseOf: ReuseOf | undefined;
  readonly savedNanoUsd: number | undefined;
  /** What its month was closed without: when it came, and how much more, or less, the call cost than was booked. */
  readonly corrections: readonly { readonly at: number; readonly nanoUsd: number }[];
  /** Where it differs, a sentence each, for people. Empty where all of it agrees, or there is nothing to compare. */
  readonly differs: readonly string[];
  /** Why it is not known what it cost, and what helps; undefined where it is. */
  readonly unknown: { readonly reason: UnknownReason; readonly why: string } | undefined;
}

/** @param corrections Of closed months: its own are taken. */
export function explained(call: CallRecord, corrections: readonly Correction[] = []): Explanation {
  const { id, endpoint, state, intendedAt, usage, reuseOf } = call;
  const cost = call.cost?.source === "unknown" ? undefined : call.cost;
  const units = { said: usage?.units, charged: cost?.units, unit: cost?.unit };
  const isInvoiced = cost?.source === "invoiced";
  const measuredNanoUsd =
    cost?.source === "measured" ? cost.nanoUsd : isInvoiced ? cost.measuredNanoUsd : undefined;
  const charged = chargedPrice(cost);
  const read = isInvoiced ? priceOf(measuredNanoUsd, usage?.units) : charged;
  const steps = {
    units,
    unitPrice: { readNanoUsd: read, readAt: cost?.pricedAt, chargedNanoUsd: charged },
    discountNanoUsd: isInvoiced ? Math.max(0, (beforeDiscount(cost) ?? cost.nanoUsd) - cost.nanoUsd) : 0,
    measuredNanoUsd,
    invoicedNanoUsd: isInvoiced ? cost.nanoUsd : undefined,
  };
  const iso = new Date(intendedAt).toISOString();
  return {
    ...{ callId: id, endpoint, state, run: runOf(call.for), step: call.for.step },
    window: { at: intendedAt, day: iso.slice(0, 10), month: iso.slice(0, 7) },
    input: inputOf(call),
    ...steps,
    nanoUsd: knownNanoUsd(call.cost),
    source: call.cost?.source ?? "none",
    reuseOf,
    savedNanoUsd: savedNanoUsd(call.cost),
    corrections: corrections
      .filter(({ callId }) => callId === id)
      .map(({ at, nanoUsd }) => ({ at, nanoUsd })),
    differs: differences(steps, cost),
    unknown: whyUnknown(call),
  };
}

type Known = Exclude<Cost, { readonly source: "unknown" }>;
type Steps = Pick<
  Explanation,
  "units" | "unitPrice" | "discountNanoUsd" | "measuredNanoUsd" | "invoicedNanoUsd"
>;

/** On the whole, where it was charged in parts at several prices. */
function chargedPrice(cost: Known | undefined): number | undefined {
  if (!cost || cost.units === undefined) return cost?.unitPriceNanoUsd;
  const { units, unitPriceNanoUsd } = cost;
  const before = beforeDiscount(cost);
  const subtotalNanoUsd = before ?? cost.nanoUsd;
  const isOne = unitPriceNanoUsd !== undefined && Math.abs(units * unitPriceNanoUsd - subtotalNanoUsd) < 1;
  // Without a subtotal nobody knows whether less was a discount.
  const mayBeDiscount =
    unitPriceNanoUsd !== undefined && before === undefined && units * unitPriceNanoUsd > cost.nanoUsd;
  return isOne || mayBeDiscount ? unitPriceNanoUsd : priceOf(subtotalNanoUsd, units);
}

const priceOf = (nanoUsd: number | undefined, units: number | undefined): number | undefined =>
  nanoUsd !== undefined && units !== undefined && units > 0
    ? Number((nanoUsd / units).toPrecision(12))
    : undefined;

/** Prices that differ by less say the same: what was charged is rounded. */
const isSame = (a: number, b: number, of: number): boolean => Math.abs(a - b) * Math.max(of, 1) < 1.5;

function differences(
  { units, unitPrice, discountNanoUsd, measuredNanoUsd, invoicedNanoUsd }: Steps,
  cost: Known | undefined,
): string[] {
  if (invoicedNanoUsd === undefined) return [];
  const { said, charged } = units;
  const { readNanoUsd, chargedNanoUsd } = unitPrice;
  const found: string[] = [];
  if (said !== undefined && charged !== undefined && said !== charged) {
    found.push(
      `The bill counts ${formatUnits(charged, cost)}, and the result said ${formatUnits(said, cost)}.`,
    );
  }
  if (
    readNanoUsd !== undefined &&
    chargedNanoUsd !== undefined &&
    !isSame(readNanoUsd, chargedNanoUsd, charged ?? 1)
  ) {
    found.push(
      `A unit was billed at ${formatUsd(chargedNanoUsd)}, and its price was read as ${formatUsd(readNanoUsd)}.`,
    );
  }
  const percent = cost?.percentDiscount ? ` of ${cost.percentDiscount} %` : "";
  if (discountNanoUsd > 0) found.push(`A discount${percent} took ${formatUsd(discountNanoUsd)} off.`);
  if (found.length === 0 && measuredNanoUsd !== undefined && measuredNanoUsd !== invoicedNanoUsd) {
    found.push(
      `The bill says ${formatUsd(invoicedNanoUsd)}, and units times price make ${formatUsd(measuredNanoUsd)}: it does not say why.`,
    );
  }
  return found;
}

function inputOf({ body }: CallRecord): Explanation["input"] {
  try {
    return body === undefined ? undefined : tellingFields(parseOwn(body));
  } catch {
    // Something else has changed it.
    return undefined;
  }
}

/** What helps is said by what there is in the command. */
const WHY: Readonly<Record<UnknownReason, string>> = {
  no_units:
    "fal did not say how many units it bills. The bill knows: fal-chain costs --reconcile reads it, hours later.",
  no_price:
    "No price of a unit could be read when it ended. The bill knows: fal-chain costs --reconcile reads it.",
  failed: "It failed or was given up, and fal may bill it all the same. fal-chain costs --reconcile tells.",
  ambiguous:
    "Its submit was not answered, so fal may have it. Say what became of it: fal-chain calls settle.",
  "under-way": "It has not ended.",
  pending: "It has ended, and its price has not been looked up yet.",
  implausible: "What was said that it cost is more than a request can cost, and is not believed.",
};

function whyUnknown(call: CallRecord): Explanation["unknown"] {
  const [reason] = Object.keys(sumOfCalls([call]).unknownBecause) as UnknownReason[];
  return reason && { reason, why: WHY[reason] };
}
