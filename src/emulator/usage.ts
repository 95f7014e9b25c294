import { type Charge, usd } from "./billing.ts";

export type Timeframe = "minute" | "hour" | "day" | "week" | "month";

/** The start of the bucket that a time falls into, in UTC; weeks begin on Mondays. */
export function bucketOf(at: number, timeframe: Timeframe): string {
  const date = new Date(at);
  date.setUTCSeconds(0, 0);
  if (timeframe !== "minute") date.setUTCMinutes(0);
  if (timeframe !== "minute" && timeframe !== "hour") date.setUTCHours(0);
  if (timeframe === "week") date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7));
  if (timeframe === "month") date.setUTCDate(1);
  return date.toISOString();
}

/** Charges added up by endpoint, unit and price, as the platform API words them. */
export function usageRows(charges: readonly Charge[]): Record<string, unknown>[] {
  const groups = Map.groupBy(charges, ({ job, unit, unitPrice, percentDiscount }) =>
    JSON.stringify([job.endpoint, unit, unitPrice, percentDiscount]),
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (!first) return [];
    const sum = (of: (charge: Charge) => number) =>
      usd(group.reduce((total, charge) => total + of(charge), 0));
    const total = sum((charge) => charge.total);
    return [
      {
        endpoint_id: first.job.endpoint,
        unit: first.unit,
        quantity: sum((charge) => charge.units),
        unit_price: first.unitPrice,
        percent_discount: first.percentDiscount,
        cost_subtotal: sum((charge) => charge.subtotal),
        cost_discount: sum((charge) => charge.discount),
        cost_total: total,
        cost: total,
        currency: "USD",
      },
    ];
  });
}
