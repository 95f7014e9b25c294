import { json, type Wire } from "./wire.ts";

/** A row as fal's documentation and live answers have it: what is not known of a request is null. */
export interface LiveRow {
  readonly request_id: string;
  readonly endpoint_id: string;
  readonly timestamp: string;
  readonly output_units: number | null;
  readonly unit_price: number | null;
  readonly percent_discount: number | null;
  readonly cost_subtotal: number;
  readonly cost_discount: number;
  readonly cost_total: number;
  readonly auth_method_structured?: { readonly detail: string; readonly api_key_id?: string };
  readonly tags?: Readonly<Record<string, string>>;
}

/** @param usd What is to be paid. */
export const liveRow = (
  requestId: string,
  at: number,
  usd: number,
  more: Partial<LiveRow> = {},
): LiveRow => ({
  request_id: requestId,
  endpoint_id: "acme/echo",
  timestamp: new Date(at).toISOString(),
  output_units: null,
  unit_price: null,
  percent_discount: null,
  cost_subtotal: usd,
  cost_discount: 0,
  cost_total: usd,
  ...more,
});

/**
 * An account's bill that does not stand still: the newest row first, its cursor the number of a page as of when that page is
 * asked for. Written from fal's documentation, and not from the emulator.
 */
export interface LiveBill {
  /** Anything, since a row may be broken. */
  rows: unknown[];
  readonly account?: string;
  /** Undefined: the platform does not tell. */
  readonly keyIds?: readonly string[];
  pageRows: number;
  /** Called before the page of that number is made. */
  beforePage?: ((page: number) => void) | undefined;
  /** Says that there is more without saying where. */
  losesCursor?: boolean;
}

export const liveBill = (more: Partial<LiveBill> = {}): LiveBill => ({ rows: [], pageRows: 10_000, ...more });

/** Answers for an account what is asked of the platform about its money, and lets the rest through. */
export function billing(bill: LiveBill): Wire {
  return (request, forward) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname.endsWith("/account/billing"))
      return bill.account === undefined
        ? json({ error: { type: "not_found", message: "no" } }, { status: 404 })
        : json({ username: bill.account });
    if (pathname.endsWith("/v1/keys"))
      return json({
        keys: (bill.keyIds ?? []).map((key_id) => ({ key_id })),
        next_cursor: null,
        has_more: false,
      });
    return pathname.endsWith("/billing-events") ? json(pageOf(bill, searchParams)) : forward();
  };
}

function pageOf(bill: LiveBill, search: URLSearchParams) {
  const page = Number(atob(search.get("cursor") ?? btoa("0")));
  if (!search.has("request_id")) bill.beforePage?.(page);
  const list = (name: string) => search.get(name)?.split(",");
  const [start, end] = ["start", "end"].map((name) => Date.parse(search.get(name) ?? ""));
  const tags = search.getAll("tag").map((tag) => tag.split("=") as [string, string]);
  const rows = bill.rows
    .filter((row) => {
      if (row === null) return true;
      const { timestamp, request_id, auth_method_structured: auth, tags: has } = row as LiveRow;
      const at = Date.parse(timestamp);
      return (
        (Number.isNaN(at) || (at >= (start ?? 0) && at < (end ?? 0))) &&
        (list("request_id")?.includes(request_id) ?? true) &&
        (list("api_key_id")?.includes(auth?.api_key_id ?? "") ?? true) &&
        tags.every(([name, value]) => has?.[name] === value)
      );
    })
    .sort((a, b) => timeOf(b) - timeOf(a));
  const after = (page + 1) * bill.pageRows;
  const has_more = rows.length > after;
  return {
    billing_events: rows.slice(page * bill.pageRows, after),
    next_cursor: has_more && !bill.losesCursor ? btoa(String(page + 1)) : null,
    has_more,
  };
}

const timeOf = (row: unknown): number => Date.parse((row as LiveRow | null)?.timestamp ?? "") || 0;
