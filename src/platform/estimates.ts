import * as z from "zod/mini";
import type { Clock } from "../base/clock.ts";
import { parseForeign } from "../base/json.ts";
import type { Transport } from "../base/transport.ts";
import { ApiError } from "../errors/api.ts";
import { isPlausible } from "../money/cost.ts";
import { kept } from "./cached.ts";

/** Source: `POST /v1/models/pricing/estimate` of https://api.fal.ai/v1/openapi.json */
const Estimate = z.looseObject({ total_cost: z.nullable(z.number()), currency: z.optional(z.string()) });

/** Somebody waits for it before paying. */
const PATIENCE_MS = 10_000;
const FRESH_MS = 60 * 60 * 1000;

/**
 * What one call of an endpoint has usually cost, in nano-dollars, as fal estimates from its history; kept for an hour.
 * Undefined where fal has none.
 */
export function createUsualCosts(transport: Transport, base: () => string, clock: Clock) {
  return kept(FRESH_MS, clock, async (endpoint: string, signal): Promise<number | undefined> => {
    const request = {
      signal,
      attemptTimeout: PATIENCE_MS,
      deadline: clock.now() + PATIENCE_MS,
      operation: "platform",
      method: "POST",
      url: `${base()}/models/pricing/estimate`,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        estimate_type: "historical_api_price",
        endpoints: { [endpoint]: { call_quantity: 1 } },
      }),
      endpoint,
    } as const;
    try {
      const { total_cost, currency = "USD" } = await transport.send(request, ({ text }) =>
        z.parse(Estimate, parseForeign(text)),
      );
      const nanoUsd = Math.round((total_cost ?? 0) * 1e9);
      // Nothing at all is what it says where it has no calls to go by; what is free says so by its price.
      return currency === "USD" && nanoUsd > 0 && isPlausible(nanoUsd) ? nanoUsd : undefined;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  });
}
