import { Hono } from "hono";
import * as z from "zod";
import type { Platform, RouteEnv } from "../platform.ts";
import { json } from "../replies.ts";
import { bucketOf, type Timeframe } from "../usage.ts";
import { adminOf } from "./billing.ts";
import { badCursor, date, decodeCursor, MOST_IDS, pageOf, parametersOf, refused } from "./parameters.ts";

const DAY_MS = 24 * 60 * 60_000;
const MOST_ROWS = 10_000;

const Parameters = z.object({
  limit: z.coerce.number().int().min(1).max(MOST_ROWS).default(MOST_ROWS),
  cursor: z.string().optional(),
  start: date.optional(),
  end: date.optional(),
  // Buckets in other time zones are not emulated.
  timezone: z.literal("UTC", "only UTC is emulated").default("UTC"),
  timeframe: z.enum(["minute", "hour", "day", "week", "month"]).optional(),
  bound_to_timeframe: z.enum(["true", "false"]).default("true"),
  app: z.array(z.string()).max(MOST_IDS),
  search: z.string().optional(),
  expand: z.array(z.enum(["time_series", "summary"])),
});

/** `api.fal.ai/v1/serverless`: what runners cost their owner, by the second. For ADMIN keys. */
export const serverlessRoutes = (platform: Platform): Hono<RouteEnv> =>
  new Hono<RouteEnv>().get("/api/v1/serverless/usage", (c) => {
    const account = adminOf(c, platform);
    if (account instanceof Response) return account;
    const parsed = Parameters.safeParse(parametersOf(c.env.address.search, ["app", "expand"]));
    if (!parsed.success) return refused(parsed.error);
    const { limit, cursor, app: apps, search = "", expand, ...wish } = parsed.data;
    const now = platform.clock.now();
    const from =
      cursor === undefined ? { asOf: now, start: wish.start ?? now - DAY_MS, at: 0 } : decodeCursor(cursor);
    if (!from) return badCursor();
    const exact = { start: from.start, end: wish.end ?? from.asOf };
    const timeframe = wish.timeframe ?? timeframeFor(exact.end - exact.start);
    const window =
      wish.bound_to_timeframe === "true"
        ? { ...exact, start: Date.parse(bucketOf(exact.start, timeframe)) }
        : exact;
    const isMeant = (name: string) =>
      (apps.length === 0 || apps.includes(name)) && name.toLowerCase().includes(search.toLowerCase());
    const inTime = expand.includes("time_series") || !expand.includes("summary");
    const buckets = inTime ? platform.runners.buckets(window, timeframe, isMeant) : [];
    const { page, rest } = pageOf(buckets, from, limit);
    return json({
      ...(inTime && { time_series: page }),
      ...(expand.includes("summary") && { summary: platform.runners.rows(window, isMeant) }),
      ...rest,
    });
  });

/** As the platform chooses where it is not told. */
function timeframeFor(ms: number): Timeframe {
  if (ms < DAY_MS / 12) return "minute";
  if (ms < 2 * DAY_MS) return "hour";
  if (ms < 64 * DAY_MS) return "day";
  return ms < 183 * DAY_MS ? "week" : "month";
}
