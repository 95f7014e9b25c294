import { Hono } from "hono";
import * as z from "zod";
import { usd } from "../billing.ts";
import { jsonOf } from "../body.ts";
import { appFor, priceOf } from "../catalog.ts";
import { callerOf } from "../credentials.ts";
import type { Machine } from "../machine.ts";
import type { Platform, RouteEnv } from "../platform.ts";
import { json, platformError } from "../replies.ts";
import { MOST_IDS, refused } from "./parameters.ts";

const quantity = z.number().positive();
const Estimate = z.discriminatedUnion("estimate_type", [
  z.object({
    estimate_type: z.literal("historical_api_price"),
    endpoints: z.record(z.string(), z.object({ call_quantity: quantity })),
  }),
  z.object({
    estimate_type: z.literal("unit_price"),
    endpoints: z.record(z.string(), z.object({ unit_quantity: quantity })),
  }),
]);

/** `api.fal.ai/v1`: what a unit of each model costs, and what calls are likely to. */
export const pricingRoutes = (platform: Platform): Hono<RouteEnv> =>
  new Hono<RouteEnv>()
    .get("/api/v1/models/pricing", (c) => {
      const { address } = c.env;
      const caller = callerOf(c.req.raw.headers, address.via);
      if (!caller.known) return platformError(401, "authorization_error", caller.why);
      // Lists come as repeats or with commas.
      const ids = new URLSearchParams(address.search)
        .getAll("endpoint_id")
        .flatMap((value) => value.split(","))
        .filter(Boolean);
      if (ids.length === 0 || ids.length > MOST_IDS) {
        return platformError(400, "validation_error", `endpoint_id must name 1 to ${MOST_IDS} endpoints`);
      }
      const unknown = ids.filter((id) => !priceOf(id, platform));
      if (unknown.length > 0) return unpriced(unknown);
      const named = [...platform.models.keys(), ...ids.filter((id) => appFor(id, platform))];
      const prices = [...new Set(named)]
        .filter((id) => ids.includes(id))
        .map((id) => {
          const price = priceOf(id, platform);
          return { endpoint_id: id, unit_price: price?.unitPrice, unit: price?.unit, currency: "USD" };
        });
      return json({ prices, next_cursor: null, has_more: false });
    })
    .post("/api/v1/models/pricing/estimate", (c) => {
      const caller = callerOf(c.req.raw.headers, c.env.address.via);
      if (!caller.known) return platformError(401, "authorization_error", caller.why);
      const wish = Estimate.safeParse(jsonOf(c.env.body));
      if (!wish.success) return refused(wish.error);
      const { estimate_type, endpoints } = wish.data;
      const unknown = Object.keys(endpoints).filter((id) => !priceOf(id, platform));
      if (unknown.length > 0) return unpriced(unknown);
      const costs = Object.entries(endpoints).map(([id, wished]) => {
        const units =
          "unit_quantity" in wished
            ? wished.unit_quantity
            : wished.call_quantity * usualUnits(platform.machine, id);
        return units * (priceOf(id, platform)?.unitPrice ?? 0);
      });
      const total = costs.reduce((sum, cost) => sum + cost, 0);
      return json({ estimate_type, total_cost: usd(total), currency: "USD" });
    });

const unpriced = (ids: readonly string[]): Response =>
  platformError(404, "not_found", `No prices are known for ${ids.join(", ")}`);

/** What a call of an endpoint was billed on average, whoever made it; one unit where none was. */
function usualUnits({ jobs }: Machine, endpoint: string): number {
  const billed = [...jobs.values()].flatMap(({ endpoint: of, outcome }) =>
    of === endpoint && outcome && !outcome.failure ? [outcome.billableUnits] : [],
  );
  return billed.length === 0 ? 1 : billed.reduce((sum, units) => sum + units, 0) / billed.length;
}
