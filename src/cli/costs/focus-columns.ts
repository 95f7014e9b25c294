import type { CallRecord } from "../../index.ts";
import { decimal } from "../../money/cost.ts";
import { usd } from "./csv.ts";

type Cell = (call: CallRecord) => string | undefined;

const FAL = () => "fal";
const USD = () => "USD";
/** What the store does not know, or what fal does not have. */
const NULL = () => undefined;

/**
 * Columns of FOCUS 1.3 (https://focus.finops.org/focus-specification/v1-3): the mandatory ones, deprecated ones among them,
 * and those that something is known for. Custom ones begin with `x_`. docs/money.md lists them.
 */
const COLUMNS: Readonly<Record<string, Cell>> = {
  BilledCost: (call) => usd(nanoUsdOf(call)),
  BillingAccountId: NULL,
  BillingAccountName: NULL,
  BillingCurrency: USD,
  BillingPeriodEnd: ({ intendedAt }) => monthOf(intendedAt, 1),
  BillingPeriodStart: ({ intendedAt }) => monthOf(intendedAt, 0),
  ChargeCategory: () => "Usage",
  ChargeClass: NULL,
  ChargeDescription: ({ endpoint, state }) => `Call of ${endpoint}, ${state}`,
  ChargeFrequency: () => "Usage-Based",
  ChargePeriodEnd: ({ intendedAt, endedAt }) => timeText(endOf(intendedAt, endedAt)),
  ChargePeriodStart: ({ intendedAt }) => timeText(secondOf(intendedAt)),
  ConsumedQuantity: (call) => unitsOf(call),
  ConsumedUnit: (call) => unitOf(call),
  ContractedCost: (call) => usd(nanoUsdOf(call)),
  EffectiveCost: (call) => usd(nanoUsdOf(call)),
  HostProviderName: FAL,
  InvoiceIssuerName: FAL,
  ListCost: (call) => usd(listNanoUsdOf(call)),
  ListUnitPrice: ({ cost }) =>
    cost && cost.source !== "unknown" && cost.unitPriceNanoUsd !== undefined
      ? usd(cost.unitPriceNanoUsd)
      : undefined,
  PricingQuantity: (call) => unitsOf(call),
  PricingUnit: (call) => unitOf(call),
  ProviderName: FAL,
  PublisherName: FAL,
  ResourceId: ({ ticket }) => ticket?.requestId,
  ServiceCategory: () => "AI and Machine Learning",
  ServiceName: ({ endpoint }) => endpoint,
  ServiceProviderName: FAL,
  SkuId: ({ endpoint }) => endpoint,
  SkuPriceId: ({ endpoint }) => endpoint,
  SubAccountId: NULL,
  SubAccountName: NULL,
  Tags: ({ for: { tags, userTags } }) => JSON.stringify({ ...tags, ...userTags }),
  x_CallId: ({ id }) => id,
  x_CallState: ({ state }) => state,
  x_Chain: (call) => call.for.chain,
  x_CostSource: (call) => sourceOf(call),
  x_JobId: (call) => call.for.jobId,
  x_Run: (call) => call.for.run,
  x_Step: (call) => call.for.step,
};

export const FOCUS_HEAD: readonly string[] = Object.keys(COLUMNS);

/** A cell is empty for null. */
export const focusRow = (call: CallRecord): string[] =>
  Object.values(COLUMNS).map((cell) => cell(call) ?? "");

/** A cost may not be null, so one that is not known is 0; `x_CostSource` tells the two apart. */
const nanoUsdOf = ({ cost }: CallRecord): number => (cost && cost.source !== "unknown" ? cost.nanoUsd : 0);

/** Of an invoiced cost: before a discount, where that had been measured. */
const listNanoUsdOf = (call: CallRecord): number =>
  call.cost?.source === "invoiced" ? (call.cost.measuredNanoUsd ?? call.cost.nanoUsd) : nanoUsdOf(call);

const sourceOf = ({ cost, error }: CallRecord): string =>
  cost && cost.source !== "unknown" ? cost.source : error?.billed === false ? "unbilled" : "unknown";

const unitOf = ({ cost }: CallRecord): string | undefined =>
  cost && cost.source !== "unknown" && cost.units !== undefined ? cost.unit : undefined;

/** Without its unit a quantity says nothing. */
function unitsOf(call: CallRecord): string | undefined {
  const units = call.cost?.units;
  return units === undefined || unitOf(call) === undefined ? undefined : decimal(units);
}

/** The first whole second that is over: the end is exclusive, and a period is never empty. */
const endOf = (from: number, to = from): number => Math.max(secondOf(from) + 1000, secondOf(to + 999));

const secondOf = (at: number): number => Math.floor(at / 1000) * 1000;

const monthOf = (at: number, later: number): string => {
  const date = new Date(at);
  return timeText(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + later));
};

/** As FOCUS has it: ISO 8601 in UTC, to the second. */
const timeText = (at: number): string => new Date(at).toISOString().replace(".000Z", "Z");
