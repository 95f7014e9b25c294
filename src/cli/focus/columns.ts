import { monthAfter } from "../../journal/months.ts";
import { usd } from "../costs/csv.ts";
import type { Charge } from "./charge.ts";
import { focusUnit } from "./units.ts";

/** The versions of FOCUS that can be had, the newest first. */
export const FOCUS_VERSIONS = ["1.4", "1.3"] as const;
export type FocusVersion = (typeof FOCUS_VERSIONS)[number];

/** What is said of all charges. */
export interface FocusFacts {
  readonly version: FocusVersion;
  /** The account that fal bills, where it is not noted with a call. */
  readonly billingAccount: string | undefined;
}

type Cell = (charge: Charge, facts: FocusFacts) => string | undefined;

const FAL = () => "fal";
const USD = () => "USD";
/** What the store does not know, or what fal does not have. */
const NULL = () => undefined;
const billed: Cell = ({ billedNanoUsd }) => usd(billedNanoUsd);
const list: Cell = ({ listCost }) => listCost;
const quantity: Cell = ({ counted }) => counted?.quantity;
const unit: Cell = ({ counted }) => counted && focusUnit(counted.unit);
const endpoint: Cell = ({ call }) => call.endpoint;

/**
 * Columns of FOCUS (https://focus.finops.org): the mandatory ones, and those that something is known for. Custom ones begin
 * with `x_`. docs/money.md lists them.
 */
const COLUMNS: Readonly<Record<string, Cell>> = {
  BilledCost: billed,
  BillingAccountId: (charge, facts) => accountOf(charge, facts),
  BillingAccountName: NULL,
  BillingCurrency: USD,
  BillingPeriodEnd: ({ month }) => timeText(monthAfter(month)),
  BillingPeriodStart: ({ month }) => timeText(month),
  ChargeCategory: () => "Usage",
  ChargeClass: (charge) => (isCorrection(charge) ? "Correction" : undefined),
  ChargeDescription: (charge) => described(charge),
  ChargeFrequency: () => "Usage-Based",
  ChargePeriodEnd: ({ call: { intendedAt, endedAt } }) => timeText(endOf(intendedAt, endedAt)),
  ChargePeriodStart: ({ call }) => timeText(secondOf(call.intendedAt)),
  ConsumedQuantity: quantity,
  ConsumedUnit: unit,
  // fal's bill does not tell whether a discount was negotiated: it is what was billed less.
  ContractedCost: list,
  EffectiveCost: billed,
  HostProviderName: FAL,
  InvoiceIssuerName: FAL,
  ListCost: list,
  ListUnitPrice: ({ counted }) => counted?.unitPrice,
  PricingQuantity: quantity,
  PricingUnit: unit,
  ProviderName: FAL,
  PublisherName: FAL,
  ServiceCategory: () => "AI and Machine Learning",
  ServiceName: endpoint,
  ServiceProviderName: FAL,
  ServiceSubcategory: () => "Generative AI",
  SkuId: endpoint,
  SkuMeter: () => "Model Inference",
  // Of a correction nobody knows whether it is one of the price.
  SkuPriceDetails: ({ call, counted }) => counted && skuPriceDetails(call.endpoint),
  SkuPriceId: ({ call, counted }) => counted && call.endpoint,
  Tags: ({ call: { for: whom } }) => JSON.stringify({ ...whom.tags, ...whom.userTags }),
  x_CallId: ({ call }) => call.id,
  x_CallState: ({ call }) => call.state,
  x_Chain: ({ call }) => call.for.chain,
  x_CostSource: ({ call }) => call.cost?.source,
  x_JobId: ({ call }) => call.for.jobId,
  x_RequestId: ({ call }) => call.ticket?.requestId,
  x_Run: ({ call }) => call.for.run,
  x_Step: ({ call }) => call.for.step,
};

const isCorrection = ({ counted }: Charge): boolean => counted === undefined;

function described(charge: Charge): string {
  const { endpoint, state } = charge.call;
  return isCorrection(charge) ? `Correction of a call of ${endpoint}` : `Call of ${endpoint}, ${state}`;
}

export const accountOf = ({ call }: Charge, { billingAccount }: FocusFacts): string | undefined =>
  call.for.account ?? billingAccount;

/** Deprecated by 1.3, and gone since. */
const UNTIL_1_3 = new Set(["ProviderName", "PublisherName"]);

export const focusHead = ({ version }: FocusFacts): readonly string[] =>
  Object.keys(COLUMNS).filter((name) => version === "1.3" || !UNTIL_1_3.has(name));

/** A cell is empty for null. */
export const focusRow = (charge: Charge, facts: FocusFacts): string[] =>
  focusHead(facts).map((name) => COLUMNS[name]?.(charge, facts) ?? "");

/** What stays the same of an endpoint, whatever it costs. */
function skuPriceDetails(endpoint: string): string {
  const [owner = "", ...model] = endpoint.split("/");
  return JSON.stringify({ x_Owner: owner, x_Model: model.join("/") });
}

/** The first whole second that is over: the end is exclusive, and a period is never empty. */
const endOf = (from: number, to = from): number => Math.max(secondOf(from) + 1000, secondOf(to + 999));

const secondOf = (at: number): number => Math.floor(at / 1000) * 1000;

/** As FOCUS has it: ISO 8601 in UTC, to the second. */
const timeText = (at: number): string => new Date(at).toISOString().replace(".000Z", "Z");
