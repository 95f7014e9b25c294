import { type Catalog, priceOf } from "./catalog.ts";
import type { Job } from "./job.ts";

/** How the account's bill differs from the best one there could be. */
export interface BillingSwitches {
  /** A request is on the bill only so long after it ended, in milliseconds. @default 0 */
  lagMs: number;
  /** How much later still its tags are there. @default 0 */
  tagLagMs: number;
  /** Off the price of a unit. @default 0 */
  percentDiscount: number;
  /** True: the key is not an ADMIN key, and may not read the bill. @default false */
  forbidden: boolean;
}

export const billingSwitches = (wished: Partial<BillingSwitches> = {}): BillingSwitches => ({
  lagMs: 0,
  tagLagMs: 0,
  percentDiscount: 0,
  forbidden: false,
  ...wished,
});

/** A request that cost something. Money in USD. */
export interface Charge {
  readonly job: Job;
  readonly at: number;
  readonly unit: string;
  readonly units: number;
  readonly unitPrice: number;
  readonly percentDiscount: number;
  readonly subtotal: number;
  readonly discount: number;
  readonly total: number;
}

export interface BillQuery {
  readonly account: string;
  /** When it ended, in milliseconds: from, and up to but without. */
  readonly start: number;
  readonly end: number;
  readonly endpoints: readonly string[];
  readonly requests: readonly string[];
  /** Other accounts' keys have no charges here. */
  readonly keys: readonly string[];
  /** Undefined: whatever its tags. */
  readonly tagged: readonly TagFilter[] | undefined;
  /** Everything is told as it was then, so that pages do not shift while they are read. */
  readonly asOf: number;
}

/** One value that a tag may have; undefined for a request without the tag. */
export interface TagFilter {
  readonly key: string;
  readonly value: string | undefined;
}

/** The charges that a query means, the oldest first. Requests that cost nothing are on no bill. */
export function chargesOf(
  jobs: Iterable<Job>,
  query: BillQuery,
  catalog: Catalog,
  { lagMs, tagLagMs, percentDiscount }: BillingSwitches,
): Charge[] {
  const lag = query.tagged ? lagMs + tagLagMs : lagMs;
  const isMeant = (job: Job, endedAt: number): boolean =>
    job.account === query.account &&
    endedAt >= query.start &&
    endedAt < query.end &&
    endedAt + lag <= query.asOf &&
    oneOf(query.endpoints, job.endpoint) &&
    oneOf(query.requests, job.requestId) &&
    oneOf(query.keys, job.account) &&
    hasTags(job.tags, query.tagged ?? []);

  const charges = [...jobs].flatMap((job): Charge[] => {
    const { completedAt, outcome, endpoint } = job;
    const price = priceOf(endpoint, catalog);
    if (completedAt === undefined || !outcome || !price || !isMeant(job, completedAt)) return [];
    if (!isBilled(outcome)) return [];
    const { billableUnits: units } = outcome;
    const subtotal = usd(units * price.unitPrice);
    const discount = usd((subtotal * percentDiscount) / 100);
    return [
      {
        job,
        at: completedAt,
        unit: price.unit,
        units,
        unitPrice: price.unitPrice,
        percentDiscount,
        subtotal,
        discount,
        total: usd(subtotal - discount),
      },
    ];
  });
  return charges.sort((a, b) => a.at - b.at);
}

/** Failures of the platform's own are not, whatever their answers count: https://fal.ai/docs/model-apis/faq */
const isBilled = ({ status, billableUnits }: NonNullable<Job["outcome"]>): boolean =>
  billableUnits > 0 && status < 500;

const oneOf = (wanted: readonly string[], value: string): boolean =>
  wanted.length === 0 || wanted.includes(value);

/** Of one key any value will do, and every key has to have one. */
function hasTags(tags: Job["tags"], filters: readonly TagFilter[]): boolean {
  const keys = new Set(filters.map(({ key }) => key));
  return [...keys].every((key) => filters.some((filter) => filter.key === key && filter.value === tags[key]));
}

/** To the nano-dollar: what floating-point numbers add beyond it is no money. */
export const usd = (amount: number): number => Math.round(amount * 1e9) / 1e9;
