import type { Clock } from "../base/clock.ts";
import { checkOptions, type OptionsOf, record, type Takes, time } from "../base/options.ts";
import { timeOf } from "../base/time.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import type { Spend } from "../journal/spend.ts";
import type { Store } from "../journal/store.ts";
import { carries } from "./costs.ts";
import { isMarkup, MARKUP_TAKES } from "./markup.ts";

export interface InvoiceQuery {
  /** Whose calls: all of these tags must match, such as `{ customer: "acme" }`. */
  readonly tags: Readonly<Record<string, string>>;
  /** Calls that were intended then or later, as in `costs`. @default the last UTC month that is over */
  readonly since?: string | Date;
  /** Calls that were intended before then. @default now; without `since` the end of that month */
  readonly until?: string | Date;
  /** For calls that were made without one: a share, such as 0.2 for 20 %. @default 0 */
  readonly markup?: number;
}

/** What somebody is to pay for calls of one endpoint. */
export interface InvoiceLine {
  readonly endpoint: string;
  /** Results that were delivered. */
  readonly calls: number;
  /** In whole cents of a dollar. */
  readonly cents: number;
}

/** What somebody is to pay, without what it cost you. Each line is rounded to the cent, half a cent up; the total is their sum. */
export interface Invoice {
  readonly tags: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch; the end is exclusive. */
  readonly since: number;
  readonly until: number;
  readonly currency: "USD";
  /** The dearest first. */
  readonly lines: readonly InvoiceLine[];
  readonly totalCents: number;
  /** What the sender should know, and the receiver need not. */
  readonly notes: InvoiceNotes;
}

export interface InvoiceNotes {
  /** What the calls on it cost, in nano-USD. */
  readonly costNanoUsd: number;
  /** Results that are not on it, since it is not known what they cost. */
  readonly unpriced: number;
  /** What of their cost fal's bill has not confirmed: it may still change. In nano-USD. */
  readonly notInvoicedNanoUsd: number;
  /** What of their cost was made without a markup. In nano-USD. */
  readonly unmarkedNanoUsd: number;
  /** What failed and was billed, and results that were not used: none of it is on the invoice. In nano-USD. */
  readonly wasteNanoUsd: number;
}

const SHARE: Takes = { what: MARKUP_TAKES, is: isMarkup };
const QUERY: OptionsOf<InvoiceQuery> = { tags: record, since: time, until: time, markup: SHARE };

/** @throws {InvalidArgumentError} for what cannot be asked. */
export async function invoiceOf(
  store: Pick<Store, "spend">,
  clock: Clock,
  query: InvoiceQuery,
): Promise<Invoice> {
  checkOptions(query, QUERY, { of: "invoice" });
  const { tags, markup = 0 } = query;
  if (!tags || Object.keys(tags).length === 0) {
    throw new InvalidArgumentError('An invoice is for somebody: say tags, such as { customer: "acme" }.');
  }
  const { since, until } = periodOf(query, clock.now());
  const found = await store.spend({ since, until, by: ["endpoint", "userTags", "markup"] });
  const spends = found.filter((spend) => carries(spend, tags));
  const delivered = spends.filter(({ state, unused }) => state === "completed" && unused === undefined);
  const lines = linesOf(delivered.filter(isPriced), markup);
  return {
    ...{ tags, since, until, currency: "USD", lines },
    totalCents: lines.reduce((sum, { cents }) => sum + cents, 0),
    notes: notesOf(spends, delivered),
  };
}

/** @throws {InvalidArgumentError} */
function periodOf({ since, until }: InvoiceQuery, now: number): { since: number; until: number } {
  const date = new Date(now);
  const month = (before: number) => Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - before);
  const from = since === undefined ? month(1) : timeOf(since, now);
  const to = until === undefined ? (since === undefined ? month(0) : now) : timeOf(until, now);
  if (from < to) return { since: from, until: to };
  throw new InvalidArgumentError(
    "The period of an invoice ends before it begins: until is to be later than since.",
  );
}

const isPriced = ({ source }: Spend): boolean => source !== undefined && source !== "unknown";

function linesOf(spends: readonly Spend[], otherwise: number): InvoiceLine[] {
  const lines = new Map<string, { calls: number; nanoUsd: number }>();
  for (const { group, calls, nanoUsd } of spends) {
    const endpoint = String(group.endpoint);
    const line = lines.get(endpoint) ?? { calls: 0, nanoUsd: 0 };
    const share = typeof group.markup === "number" ? group.markup : otherwise;
    lines.set(endpoint, { calls: line.calls + calls, nanoUsd: line.nanoUsd + Number(nanoUsd) * (1 + share) });
  }
  return [...lines]
    .map(([endpoint, { calls, nanoUsd }]) => ({ endpoint, calls, cents: centsOf(nanoUsd) }))
    .sort((a, b) => b.cents - a.cents || b.calls - a.calls || (a.endpoint < b.endpoint ? -1 : 1));
}

/** Half a cent up; what multiplying leaves below a nano-dollar is nothing. */
const centsOf = (nanoUsd: number): number => Math.floor((Math.round(nanoUsd) + 5e6) / 1e7);

function notesOf(spends: readonly Spend[], delivered: readonly Spend[]): InvoiceNotes {
  const sum = (some: readonly Spend[], of: (spend: Spend) => number) =>
    some.reduce((all, one) => all + of(one), 0);
  const calls = (some: readonly Spend[]) => sum(some, (spend) => spend.calls);
  const priced = delivered.filter(isPriced);
  return {
    costNanoUsd: sum(priced, nanoOf),
    unpriced: calls(delivered) - calls(priced),
    notInvoicedNanoUsd: sum(
      priced.filter(({ source }) => source !== "invoiced"),
      nanoOf,
    ),
    unmarkedNanoUsd: sum(
      priced.filter(({ group }) => typeof group.markup !== "number"),
      nanoOf,
    ),
    wasteNanoUsd: sum(spends, nanoOf) - sum(delivered, nanoOf),
  };
}

const nanoOf = ({ nanoUsd }: Spend): number => Number(nanoUsd);

/** `1234.05` */
export const dollarsOf = (cents: number): string =>
  `${cents < 0 ? "-" : ""}${Math.floor(Math.abs(cents) / 100)}.${String(Math.abs(cents) % 100).padStart(2, "0")}`;

const DAY_MS = 86_400_000;

/** `2026-10-01 to 2026-10-31`: whole days by their names, the last one too; else to the second, the end exclusive. */
export function periodText({ since, until }: Pick<Invoice, "since" | "until">): string {
  const iso = (at: number) => new Date(at).toISOString();
  if (since % DAY_MS === 0 && until % DAY_MS === 0) {
    const [first, last] = [iso(since).slice(0, 10), iso(until - 1).slice(0, 10)];
    return first === last ? first : `${first} to ${last}`;
  }
  const text = (at: number) => iso(at).slice(0, 19).replace("T", " ");
  return `${text(since)} to ${text(until)} UTC`;
}
