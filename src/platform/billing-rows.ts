import * as z from "zod/mini";
import { priceInNanoUsd } from "../money/cost.ts";

/** A row of fal's bill: of one request there may be several, and all of them are its price. */
export interface BillingEvent {
  readonly requestId: string;
  readonly endpoint: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Undefined where the bill does not say, as of a request that it has only an amount for. */
  readonly units: number | undefined;
  readonly unit: string | undefined;
  /** May be a fraction of a nano-dollar. Undefined where the bill does not say. */
  readonly unitPriceNanoUsd: number | undefined;
  /** 0 where there is none. */
  readonly percentDiscount: number;
  /** Before the discount, where that is said. */
  readonly subtotalNanoUsd: number | undefined;
  /** What is to be paid, the discount taken off. Less than nothing is given back. */
  readonly nanoUsd: number;
  /** The key that it was paid with, by its id; undefined where the bill does not say. */
  readonly keyId: string | undefined;
  /** As fal has stored them; only where they were asked for. */
  readonly tags: Readonly<Record<string, string>> | undefined;
}

/** A row that says no amount that could be booked. */
export interface UnreadableRow {
  /** Undefined where it does not say that either. */
  readonly requestId: string | undefined;
  /** Such as `has no amount`. */
  readonly problem: string;
}

const number = z.nullish(z.number());

/** What may be missing is no reason not to book an amount: the live bill has nulls for units, price and discount. */
const Event = z.looseObject({
  request_id: z.string().check(z.minLength(1)),
  endpoint_id: z.catch(z.string(), ""),
  timestamp: z.string().check(z.refine((time) => !Number.isNaN(Date.parse(time)))),
  output_units: z.catch(number, undefined),
  unit: z.catch(z.nullish(z.string()), undefined),
  unit_price: z.catch(number, undefined),
  percent_discount: z.catch(number, undefined),
  cost_subtotal: z.catch(number, undefined),
  cost_total: number,
  cost_estimate_nano_usd: z.catch(number, undefined),
  auth_method_structured: z.catch(z.nullish(z.looseObject({ api_key_id: z.nullish(z.string()) })), undefined),
  tags: z.catch(z.nullish(z.record(z.string(), z.string())), undefined),
});
type WireEvent = z.output<typeof Event>;

/** Each row by itself: one that cannot be read hides no other. */
export function rowsOf(rows: readonly unknown[]): { events: BillingEvent[]; unreadable: UnreadableRow[] } {
  const events: BillingEvent[] = [];
  const unreadable: UnreadableRow[] = [];
  for (const row of rows) {
    const { data, error } = z.safeParse(Event, row);
    const nanoUsd = data && amountOf(data);
    if (data && nanoUsd !== undefined) events.push(eventOf(data, nanoUsd));
    else {
      const field = error?.issues[0]?.path[0];
      const problem = data ? "has no amount" : `has no usable ${String(field ?? "fields")}`;
      unreadable.push({ requestId: requestIdOf(row), problem });
    }
  }
  return { events, unreadable };
}

/** Both numbers are the same charge; either may be had alone. */
const amountOf = ({ cost_total: usd, cost_estimate_nano_usd: nano }: WireEvent): number | undefined =>
  usd == null ? (nano == null ? undefined : nanoOf(nano)) : nanoOf(usd * 1e9);

const eventOf = (row: WireEvent, nanoUsd: number): BillingEvent => ({
  requestId: row.request_id,
  endpoint: row.endpoint_id,
  at: Date.parse(row.timestamp),
  units: row.output_units ?? undefined,
  unit: row.unit?.slice(0, LONGEST_UNIT) ?? undefined,
  unitPriceNanoUsd: row.unit_price == null ? undefined : priceInNanoUsd(row.unit_price),
  percentDiscount: row.percent_discount ?? 0,
  subtotalNanoUsd: row.cost_subtotal == null ? undefined : nanoOf(row.cost_subtotal * 1e9),
  nanoUsd,
  keyId: row.auth_method_structured?.api_key_id ?? undefined,
  tags: row.tags ?? undefined,
});

/** It goes into each call's cost. */
const LONGEST_UNIT = 100;
const MOST = Number.MAX_SAFE_INTEGER;

/** Whatever it says, it is a number that can be added up. */
const nanoOf = (nano: number): number => Math.max(-MOST, Math.min(Math.round(nano), MOST));

function requestIdOf(row: unknown): string | undefined {
  const id = typeof row === "object" && row !== null && "request_id" in row ? row.request_id : undefined;
  return typeof id === "string" && id !== "" ? id : undefined;
}
