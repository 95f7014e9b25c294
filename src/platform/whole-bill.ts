import { type BillingQuery, MOST_IDS, type ReadBillPages } from "./billing.ts";
import type { BillingEvent, UnreadableRow } from "./billing-rows.ts";

/** The bill of a time, as far as it can be read. */
export interface Bill {
  /** The rows of each request. */
  readonly requests: ReadonlyMap<string, BillingEvent[]>;
  readonly unreadable: readonly UnreadableRow[];
  /** Whether it was all on one page: where there were several, a row may have moved onto one that was read before. */
  readonly isStill: boolean;
  /** Whether the bill said that there is more, and not where: of those that were asked for by name, some are not known. */
  readonly isCut: boolean;
}

/** Reads all of it; what was found on several pages, or on one that is cut, is read again by itself. */
export type ReadWholeBill = (query: BillingQuery & { readonly until: number }) => Promise<Bill>;

export function createWholeBill(readPages: ReadBillPages): ReadWholeBill {
  return async function wholeBill(query) {
    const requests = new Map<string, BillingEvent[]>();
    const pageOf = new Map<string, number>();
    const moved = new Set<string>();
    const unreadable: UnreadableRow[] = [];
    let pages = 0;
    let isCut = false;
    for await (const page of readPages(query)) {
      pages++;
      isCut ||= page.isCut;
      unreadable.push(...page.unreadable);
      for (const event of page.events) {
        const { requestId } = event;
        if ((pageOf.get(requestId) ?? pages) !== pages) moved.add(requestId);
        pageOf.set(requestId, pages);
        const known = requests.get(requestId);
        if (known) known.push(event);
        else requests.set(requestId, [event]);
      }
    }
    const asked = query.requestIds;
    const open = isCut ? (asked ?? [...requests.keys()]) : [...moved];
    let isLost = isCut && asked?.length === 1;
    for (const requestIds of parts(open, asked)) {
      // Once one cannot be had alone, there is no use in asking for the others.
      const again = isLost ? undefined : await wholeBill({ ...query, requestIds });
      isLost ||= again?.isCut ?? false;
      for (const id of requestIds) replace(requests, id, again?.requests.get(id));
    }
    if (isLost && asked?.length === 1) requests.clear();
    return {
      requests,
      unreadable: distinct(unreadable),
      isStill: pages <= 1,
      isCut: asked ? isLost : isCut,
    };
  };
}

/** A part of a request's rows would be taken for its price: then rather none. */
function replace<R>(requests: Map<string, R>, id: string, rows: R | undefined): void {
  if (rows) requests.set(id, rows);
  else requests.delete(id);
}

/** What was asked for by name and moved all the same is asked for in smaller parts, until it is asked for alone. */
function parts(moved: readonly string[], asked: readonly string[] | undefined): string[][] {
  if (asked?.length === 1) return [];
  const size = asked ? Math.min(MOST_IDS, Math.ceil(asked.length / 2)) : MOST_IDS;
  return Array.from({ length: Math.ceil(moved.length / size) }, (_, n) =>
    moved.slice(n * size, (n + 1) * size),
  );
}

/** A row that moved is told once. */
const distinct = (rows: readonly UnreadableRow[]): UnreadableRow[] => [
  ...new Map(rows.map((row) => [JSON.stringify(row), row])).values(),
];
