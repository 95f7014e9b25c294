import * as z from "zod/mini";
import type { Clock } from "../base/clock.ts";
import { parseForeign } from "../base/json.ts";
import type { Transport } from "../base/transport.ts";
import { ApiError } from "../errors/api.ts";
import { isPlausible, priceInNanoUsd } from "../money/cost.ts";
import { kept } from "./cached.ts";

/** What fal asks for one unit. A unit may be an image, a megapixel, a second: never take it for a price per output. */
export interface Price {
  readonly endpoint: string;
  readonly unit: string;
  /** May be a fraction of a nano-dollar. */
  readonly unitPriceNanoUsd: number;
  /** When it was read, in milliseconds since the epoch. */
  readonly at: number;
}

const Row = z.looseObject({
  endpoint_id: z.string(),
  unit_price: z.number(),
  /** fal has prices without one, too. */
  unit: z.catch(z.string(), "units"),
  currency: z.optional(z.string()),
});
const Prices = z.looseObject({ prices: z.array(z.catch(z.nullable(Row), null)) });

/** It goes into each call's cost. */
const LONGEST_UNIT = 100;

const PATIENCE_MS = 10_000;
const FRESH_MS = 60 * 60 * 1000;

/** Prices from `GET /v1/models/pricing`, kept for an hour. Undefined where the platform does not tell one. */
export function createPrices(transport: Transport, base: () => string, clock: Clock) {
  async function ask(endpoint: string, signal: AbortSignal) {
    const url = new URL(`${base()}/models/pricing`);
    url.searchParams.append("endpoint_id", endpoint);
    const request = {
      operation: "platform",
      method: "GET",
      url: url.href,
      endpoint,
      signal,
      // Not knowing a price is a value, and cheaper than waiting for it.
      attemptTimeout: PATIENCE_MS,
      deadline: clock.now() + PATIENCE_MS,
    } as const;
    try {
      return (await transport.send(request, ({ text }) => z.parse(Prices, parseForeign(text)))).prices;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return [];
      throw error;
    }
  }

  async function fetchPrice(endpoint: string, signal: AbortSignal): Promise<Price | undefined> {
    const found = (await ask(endpoint, signal)).find((row) => row?.endpoint_id === endpoint);
    if (!found || (found.currency ?? "USD") !== "USD") return undefined;
    const unitPriceNanoUsd = priceInNanoUsd(found.unit_price);
    // Less than nothing is no price either: a budget would grow by it. Nor is more than anything costs.
    if (!isPlausible(unitPriceNanoUsd)) return undefined;
    return { endpoint, unit: found.unit.slice(0, LONGEST_UNIT), unitPriceNanoUsd, at: clock.now() };
  }

  return kept(FRESH_MS, clock, fetchPrice);
}
