/** A request on fal's bill, its rows added up. */
export interface BilledRequest {
  readonly requestId: string;
  readonly endpoint: string;
  /** Of its last row, in milliseconds since the epoch. */
  readonly at: number;
  /** Undefined where the bill does not say. */
  readonly units: number | undefined;
  readonly unit: string | undefined;
  /** May be a fraction of a nano-dollar. Undefined where the bill does not say. */
  readonly unitPriceNanoUsd: number | undefined;
  readonly percentDiscount: number;
  /** Before the discount, where that is said. */
  readonly subtotalNanoUsd: number | undefined;
  /** What is to be paid, the discount taken off. */
  readonly nanoUsd: number;
  /** The key that paid, by its id; undefined where the bill does not say. */
  readonly keyId: string | undefined;
}

/** A row of the account's bill says of itself what a request says of all of its rows. */
type BillRow = BilledRequest;

/** A row of the bill that says no amount that could be booked. */
export interface UnreadableRow {
  readonly requestId: string | undefined;
  /** Such as `has no amount`. */
  readonly problem: string;
}

/** The bill of a time, as far as it can be read. */
export interface Bill {
  readonly requests: ReadonlyMap<string, readonly BillRow[]>;
  readonly unreadable: readonly UnreadableRow[];
  /** Whether it was all on one page, so that no row can have moved out of sight meanwhile. */
  readonly isStill: boolean;
  /** Whether it said that there is more, and not where. */
  readonly isCut: boolean;
}

export interface BillQuery {
  /** Milliseconds since the epoch, up to but without `until`. */
  readonly since: number;
  readonly until: number;
  readonly requestIds?: readonly string[];
  readonly keyIds?: readonly string[];
  readonly tags?: Readonly<Record<string, string>>;
  readonly abortSignal?: AbortSignal;
}

/** What is asked of the account whose key this client has. */
export interface BillingAccount {
  bill(query: BillQuery): Promise<Bill>;
  /** Its name; undefined where it cannot be had. */
  name(abortSignal?: AbortSignal): Promise<string | undefined>;
  /** The ids of its keys that still exist; none where they cannot be had. */
  keyIds(abortSignal?: AbortSignal): Promise<readonly string[]>;
  /** The key that asks. */
  readonly ownKeyId: string | undefined;
}

/** All rows of a request are its price: a charge in parts, what came later, what was given back. */
export function addedUp(rows: readonly BillRow[]): BilledRequest | undefined {
  const [last] = rows.toSorted((a, b) => b.at - a.at);
  if (!last) return undefined;
  const newest = <K extends keyof BillRow>(name: K) =>
    last[name] ?? rows.find((row) => row[name] != null)?.[name];
  const sum = (name: "units" | "subtotalNanoUsd") =>
    rows.every((row) => row[name] === undefined)
      ? undefined
      : rows.reduce((sum, row) => sum + (row[name] ?? 0), 0);
  return {
    requestId: last.requestId,
    endpoint: last.endpoint,
    at: last.at,
    units: sum("units"),
    unit: newest("unit"),
    unitPriceNanoUsd: newest("unitPriceNanoUsd"),
    percentDiscount: last.percentDiscount,
    subtotalNanoUsd: sum("subtotalNanoUsd"),
    nanoUsd: rows.reduce((sum, { nanoUsd }) => sum + nanoUsd, 0),
    keyId: newest("keyId"),
  };
}
