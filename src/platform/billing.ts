import * as z from "zod/mini";
import type { Clock } from "../base/clock.ts";
import { parseForeign } from "../base/json.ts";
import { type Time, timeOf } from "../base/time.ts";
import type { Transport } from "../base/transport.ts";
import { ApiError } from "../errors/api.ts";
import { AdminKeyRequiredError } from "../errors/platform.ts";
import { priceInNanoUsd } from "../money/cost.ts";
import { pagesOf } from "./pages.ts";

/** A request as fal bills it. */
export interface BillingEvent {
  readonly requestId: string;
  readonly endpoint: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly units: number;
  /** May be a fraction of a nano-dollar. */
  readonly unitPriceNanoUsd: number;
  readonly percentDiscount: number;
  /** What is to be paid, the discount taken off. */
  readonly nanoUsd: number;
  /** As fal has stored them; only where they were asked for. */
  readonly tags: Readonly<Record<string, string>> | undefined;
}

export interface BillingQuery {
  /** From. @default a day before `until` */
  readonly since?: Time | undefined;
  /** Up to, but without. @default as far as the bill goes */
  readonly until?: Time | undefined;
  readonly endpoints?: readonly string[];
  readonly requestIds?: readonly string[];
  /** Gives the tags too. fal has them later than the events, and only for accounts that it has switched them on for. */
  readonly tagged?: boolean;
  readonly abortSignal?: AbortSignal;
}

/** Reads the account's bill, request by request, page by page. An event may be late by hours. */
export type BillingEvents = (query?: BillingQuery) => AsyncIterable<BillingEvent>;

/** Source: `GET /v1/models/billing-events` of https://api.fal.ai/v1/openapi.json */
const Page = z.looseObject({
  billing_events: z.array(
    z.looseObject({
      request_id: z.string(),
      endpoint_id: z.string(),
      timestamp: z.string().check(z.refine((time) => !Number.isNaN(Date.parse(time)))),
      output_units: z.number(),
      unit_price: z.number(),
      percent_discount: z.optional(z.nullable(z.number())),
      cost_total: z.number(),
      tags: z.optional(z.nullable(z.record(z.string(), z.string()))),
    }),
  ),
  next_cursor: z.optional(z.nullable(z.string())),
  has_more: z.optional(z.boolean()),
});

const DAY_MS = 24 * 60 * 60_000;
/** The platform takes ninety days in one query; one less is left for the difference of two clocks. */
const MOST_DAYS = 89;
/** The platform's own limit for a list. */
const MOST_IDS = 50;
/** A bill that never ends must not hold anybody for ever: with pages of this size, fifty million requests. */
const PAGE_ROWS = 10_000;
const MOST_PAGES = 5_000;

export function createBillingEvents(transport: Transport, base: () => string, clock: Clock): BillingEvents {
  async function page(search: URLSearchParams, signal: AbortSignal | undefined) {
    const url = `${base()}/models/billing-events?${search}`;
    const request = { operation: "platform", method: "GET", url, signal } as const;
    try {
      return await transport.send(request, ({ text }) => z.parse(Page, parseForeign(text)));
    } catch (error) {
      throw error instanceof ApiError && error.status === 403
        ? new AdminKeyRequiredError({ cause: error })
        : error;
    }
  }

  async function* pages(
    parameters: Record<string, string>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<BillingEvent> {
    const read = (cursor: object) =>
      page(new URLSearchParams({ ...parameters, limit: String(PAGE_ROWS), ...cursor }), signal);
    for await (const { billing_events } of pagesOf("fal's bill", MOST_PAGES, read)) {
      for (const event of billing_events) yield toEvent(event);
    }
  }

  return async function* billingEvents(query = {}) {
    const until = query.until === undefined ? undefined : timeOf(query.until, clock.now());
    const now = until ?? clock.now();
    const since = query.since === undefined ? now - DAY_MS : timeOf(query.since, clock.now());
    for (const [start, end] of windows(since, now)) {
      // Without an end the platform's own clock says what has been billed so far.
      const isOpen = until === undefined && end === now;
      for (const requestIds of chunks(query.requestIds)) {
        for (const endpoints of chunks(query.endpoints)) {
          const parameters = {
            start: new Date(start).toISOString(),
            ...(!isOpen && { end: new Date(end).toISOString() }),
            ...(endpoints && { endpoint_id: endpoints.join(",") }),
            ...(requestIds && { request_id: requestIds.join(",") }),
            ...(query.tagged && { source: "tagged-billed" }),
          };
          yield* pages(parameters, query.abortSignal);
        }
      }
    }
  };
}

const MOST = Number.MAX_SAFE_INTEGER;

const toEvent = (event: z.output<typeof Page>["billing_events"][number]): BillingEvent => ({
  requestId: event.request_id,
  endpoint: event.endpoint_id,
  at: Date.parse(event.timestamp),
  units: event.output_units,
  unitPriceNanoUsd: priceInNanoUsd(event.unit_price),
  percentDiscount: event.percent_discount ?? 0,
  // Whatever it says, it is a number that can be added up.
  nanoUsd: Math.max(-MOST, Math.min(Math.round(event.cost_total * 1e9), MOST)),
  tags: event.tags ?? undefined,
});

/** A time span in parts that the platform takes. */
function* windows(since: number, until: number): Generator<readonly [number, number]> {
  for (let start = since; start < until; start += MOST_DAYS * DAY_MS) {
    yield [start, Math.min(start + MOST_DAYS * DAY_MS, until)];
  }
}

/** A list in parts that the platform takes; one undefined part for no list, and none for an empty one. */
function* chunks(list: readonly string[] | undefined): Generator<readonly string[] | undefined> {
  if (!list) return yield undefined;
  const distinct = [...new Set(list)];
  for (let at = 0; at < distinct.length; at += MOST_IDS) yield distinct.slice(at, at + MOST_IDS);
}
