import * as z from "zod/mini";
import type { Clock } from "../base/clock.ts";
import { type Time, timeOf } from "../base/time.ts";
import type { Transport } from "../base/transport.ts";
import { MalformedReplyError } from "../errors/network.ts";
import { type BillingEvent, rowsOf, type UnreadableRow } from "./billing-rows.ts";
import { pagesOf } from "./pages.ts";
import { readAsAdmin } from "./read-as-admin.ts";

export interface BillingQuery {
  /** From. @default a day before `until` */
  readonly since?: Time | undefined;
  /** Up to, but without. @default when it is asked, so that what comes in meanwhile moves no rows */
  readonly until?: Time | undefined;
  readonly endpoints?: readonly string[] | undefined;
  readonly requestIds?: readonly string[] | undefined;
  /** Only what was paid with these keys, by their ids. */
  readonly keyIds?: readonly string[] | undefined;
  /** Only what has these tags, all of them, as they went to fal. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /**
   * Gives the tags too, as `tags` does. fal has them later than the events, and only for accounts that it has switched them
   * on for.
   */
  readonly tagged?: boolean | undefined;
  readonly abortSignal?: AbortSignal | undefined;
}

/**
 * Reads the account's bill, row by row, page by page. An event may be late by hours. A row that moves from page to page while
 * they are read is given once.
 */
export type BillingEvents = (query?: BillingQuery) => AsyncIterable<BillingEvent>;

/** A page of the bill as it was when it was asked for. */
export interface BillPage {
  readonly events: readonly BillingEvent[];
  /** What on it says no amount that could be booked. */
  readonly unreadable: readonly UnreadableRow[];
  /** Whether the bill says that there is more, and not where: nobody can read on. */
  readonly isCut: boolean;
}

/** @param until Milliseconds since the epoch, so that all pages are of the same time. */
export type ReadBillPages = (query: BillingQuery & { readonly until: number }) => AsyncGenerator<BillPage>;

/** Source: `GET /v1/models/billing-events` of https://api.fal.ai/v1/openapi.json */
const Page = z.looseObject({
  billing_events: z.array(z.unknown()),
  next_cursor: z.optional(z.nullable(z.string())),
  has_more: z.optional(z.boolean()),
});

const DAY_MS = 24 * 60 * 60_000;
/** The platform takes ninety days in one query; one less is left for the difference of two clocks. */
const MOST_DAYS = 89;
/** The platform's own limit for a list. */
export const MOST_IDS = 50;
/** A bill that never ends must not hold anybody for ever: with pages of this size, fifty million requests. */
const PAGE_ROWS = 10_000;
const MOST_PAGES = 5_000;

export function createBillPages(transport: Transport, base: () => string): ReadBillPages {
  const page = (search: URLSearchParams, signal: AbortSignal | undefined) =>
    readAsAdmin(transport, `${base()}/models/billing-events?${search}`, Page, signal);

  async function* pages(parameters: readonly Parameter[], signal: AbortSignal | undefined) {
    const read = ({ cursor }: { readonly cursor?: string }) => {
      const from = cursor === undefined ? [] : [["cursor", cursor] as const];
      const all = [...parameters, ["limit", String(PAGE_ROWS)] as const, ...from];
      return page(new URLSearchParams(all.map(([name, value]) => [name, value])), signal);
    };
    for await (const { billing_events, has_more, next_cursor } of pagesOf("fal's bill", MOST_PAGES, read)) {
      const isCut = has_more === true && !next_cursor;
      yield { ...rowsOf(billing_events), isCut };
      if (isCut) return;
    }
  }

  return async function* billPages({ until, abortSignal, ...query }) {
    const since = query.since === undefined ? until - DAY_MS : timeOf(query.since, until);
    for (const [start, end] of windows(since, until)) {
      for (const requestIds of chunks(query.requestIds)) {
        for (const endpoints of chunks(query.endpoints)) {
          for (const keyIds of chunks(query.keyIds)) {
            const lists = { endpoint_id: endpoints, request_id: requestIds, api_key_id: keyIds };
            yield* pages(parametersOf(start, end, lists, query), abortSignal);
          }
        }
      }
    }
  };
}

type Parameter = readonly [name: string, value: string];
type Lists = Readonly<Record<string, readonly string[] | undefined>>;

function parametersOf(start: number, end: number, lists: Lists, { tags, tagged }: BillingQuery): Parameter[] {
  const isTagged = tagged || tags !== undefined;
  return [
    ["start", new Date(start).toISOString()],
    ["end", new Date(end).toISOString()],
    ["expand", "auth_method_structured"],
    ...Object.entries(lists).flatMap(([name, ids]) => (ids ? [[name, ids.join(",")] as const] : [])),
    ...(isTagged ? [["source", "tagged-billed"] as const] : []),
    ...Object.entries(tags ?? {}).map(([name, value]) => ["tag", `${name}=${value}`] as const),
  ];
}

/** Without an end it is read as far as it goes now: a millisecond more, since it is told without its end. */
const untilOf = ({ until }: BillingQuery, now: number): number =>
  until === undefined ? now + 1 : timeOf(until, now);

export function createBillingEvents(readPages: ReadBillPages, clock: Clock): BillingEvents {
  return async function* billingEvents(query = {}) {
    const asked = { ...query, until: untilOf(query, clock.now()) };
    const given = new Map<string, BillingEvent[]>();
    const onEarlierPages = new Set<string>();
    const moved = new Set<string>();
    for await (const { events, unreadable, isCut } of readPages(asked)) {
      for (const { problem } of unreadable) throw new MalformedReplyError(`A row of fal's bill ${problem}.`);
      for (const event of events) {
        const { requestId } = event;
        if (onEarlierPages.has(requestId)) moved.add(requestId);
        else {
          given.set(requestId, [...(given.get(requestId) ?? []), event]);
          yield event;
        }
      }
      for (const { requestId } of events) onEarlierPages.add(requestId);
      if (isCut) throw new MalformedReplyError(CUT);
    }
    if (moved.size === 0) return;
    for await (const { events } of readPages({ ...asked, requestIds: [...moved] })) {
      for (const event of events) if (!takeOut(given.get(event.requestId) ?? [], event)) yield event;
    }
  };
}

const CUT =
  "fal's bill is incomplete: a page says that there is more, and not where. What was read is a part of it.";

/** Whether it was among them; it is not any more. */
function takeOut(events: BillingEvent[], event: BillingEvent): boolean {
  const at = events.findIndex((one) => JSON.stringify(one) === JSON.stringify(event));
  if (at >= 0) events.splice(at, 1);
  return at >= 0;
}

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
