import { Hono } from "hono";
import { callerOf } from "../credentials.ts";
import type { Platform, RouteEnv } from "../platform.ts";
import { json, platformError } from "../replies.ts";

const MOST_IDS = 50;

/** `api.fal.ai/v1`: what a unit of each model costs. */
export const pricingRoutes = ({ models }: Platform): Hono<RouteEnv> =>
  new Hono<RouteEnv>().get("/api/v1/models/pricing", (c) => {
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
    const unknown = ids.filter((id) => !models.has(id));
    if (unknown.length > 0) {
      return platformError(404, "not_found", `No prices are known for ${unknown.join(", ")}`);
    }
    const prices = [...models.values()]
      .filter(({ id }) => ids.includes(id))
      .map(({ id, price }) => ({
        endpoint_id: id,
        unit_price: price.unitPrice,
        unit: price.unit,
        currency: "USD",
      }));
    return json({ prices, next_cursor: null, has_more: false });
  });
