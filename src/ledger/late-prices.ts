import type { Clock } from "../base/clock.ts";
import { OVER } from "../base/signal.ts";
import type { CallRecord } from "../journal/call.ts";
import type { Spend } from "../journal/spend.ts";
import type { Store } from "../journal/store.ts";
import { measuredCost, type UnitPrice } from "../money/cost.ts";

/** What one unit of an endpoint costs; undefined where the platform does not say. */
export type ReadPrice = (endpoint: string, until?: AbortSignal) => Promise<UnitPrice | undefined>;

/** A report does not wait longer than this for prices that calls lack, in milliseconds. */
const PATIENCE_MS = 1_000;
const MOST_CALLS = 1_000;

/** Whether some of these have ended without a price that could be had now. */
export const lackPrices = (spends: readonly Spend[]): boolean =>
  spends.some(
    ({ state, source, reason, calls }) =>
      calls > 0 && (reason === "no_price" || (state === "completed" && source === undefined)),
  );

/**
 * Prices calls that have ended without a price, of which it is known what fal bills: the newest thousand of a time. Where no
 * price can be had they stay as they are.
 *
 * @returns whether some are priced now.
 */
export async function priceLate(
  { calls }: Pick<Store, "calls">,
  clock: Clock,
  price: ReadPrice,
  { since, until }: { readonly since?: number | undefined; readonly until?: number | undefined },
): Promise<boolean> {
  const found = await calls.list({ unpriced: true, limit: MOST_CALLS, since, until });
  const late = new AbortController();
  clock.sleep(PATIENCE_MS, late.signal).then(
    () => late.abort(OVER),
    () => {},
  );
  const priced = await Promise.all(
    [...Map.groupBy(found, ({ endpoint }) => endpoint)].map(async ([endpoint, some]) => {
      const found = await price(endpoint, late.signal).catch(() => undefined);
      if (!found) return false;
      for (const call of some) await priceOne(call, found);
      return true;
    }),
  );
  late.abort(OVER);
  return priced.some((isPriced) => isPriced);

  async function priceOne(call: CallRecord, found: UnitPrice): Promise<void> {
    const units = call.cost?.units ?? call.usage?.units;
    if (units !== undefined) await calls.charged(call.id, measuredCost(units, found), clock.now());
  }
}
