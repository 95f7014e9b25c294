import { Hono } from "hono";
import * as z from "zod";
import { callerOf } from "../credentials.ts";
import { type HistoryQuery, rowOf, select } from "../history.ts";
import type { Platform, RouteEnv } from "../platform.ts";
import { json, platformError } from "../replies.ts";
import { badCursor, date, decodeCursor, MOST_IDS, pageOf, parametersOf, refused } from "./parameters.ts";

const DAY_MS = 24 * 60 * 60_000;

const Parameters = z.object({
  endpoint_id: z.array(z.string()).min(1).max(MOST_IDS),
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z.string().optional(),
  start: date.optional(),
  end: date.optional(),
  status: z.enum(["success", "error", "user_error"]).optional(),
  request_id: z.string().optional(),
  expand: z.array(z.enum(["payloads"])).default([]),
  sort_by: z.enum(["ended_at", "duration"]).optional(),
});

/** `api.fal.ai/v1`: what became of the account's requests. */
export const historyRoutes = (platform: Platform): Hono<RouteEnv> =>
  new Hono<RouteEnv>().get("/api/v1/models/requests/by-endpoint", (c) => {
    const { clock, machine, models, history } = platform;
    const { address } = c.env;
    const caller = callerOf(c.req.raw.headers, address.via);
    if (!caller.known) return platformError(401, "authorization_error", caller.why);
    if (history.forbidden) {
      return platformError(403, "authorization_error", "This key may not read the account's requests");
    }
    const parsed = Parameters.safeParse(parametersOf(address.search, ["endpoint_id", "expand"]));
    if (!parsed.success) return refused(parsed.error);
    const { limit, cursor, ...wish } = parsed.data;
    const now = clock.now();
    const from =
      cursor === undefined ? { asOf: now, start: wish.start ?? now - DAY_MS, at: 0 } : decodeCursor(cursor);
    if (!from) return badCursor();

    const query: HistoryQuery = {
      account: caller.account,
      endpoints: wish.endpoint_id,
      start: from.start,
      end: wish.end ?? Number.POSITIVE_INFINITY,
      status: wish.status,
      requestId: wish.request_id,
      sortBy: wish.sort_by,
      payloads: wish.expand.includes("payloads"),
      asOf: from.asOf,
    };
    const found = select(machine.jobs.values(), query, history);
    const { page, rest } = pageOf(found, from, limit);
    return json({ items: page.map((job) => rowOf(job, query, models, history)), ...rest });
  });
