import { Hono } from "hono";
import * as z from "zod";
import { callerOf } from "../credentials.ts";
import { type HistoryQuery, rowOf, select } from "../history.ts";
import type { Platform, RouteEnv } from "../platform.ts";
import { json, platformError } from "../replies.ts";

const DAY_MS = 24 * 60 * 60_000;
const MOST_IDS = 50;

const DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;
const date = z
  .string()
  .refine((text) => DATE.test(text) && !Number.isNaN(Date.parse(text)), "must be an ISO date or date-time")
  .transform((text) => Date.parse(text));

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

/** Where the next page begins, in the listing as it was at that time. */
const Cursor = z.object({ asOf: z.number(), start: z.number(), at: z.int().min(0) });
type Cursor = z.output<typeof Cursor>;

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
    const parsed = Parameters.safeParse(parametersOf(new URLSearchParams(address.search)));
    if (!parsed.success) {
      const why = parsed.error.issues.map(({ path, message }) => `${String(path[0])}: ${message}`).join("; ");
      return platformError(400, "validation_error", why);
    }
    const { limit, cursor, ...wish } = parsed.data;
    const now = clock.now();
    const from =
      cursor === undefined ? { asOf: now, start: wish.start ?? now - DAY_MS, at: 0 } : decode(cursor);
    if (!from) return platformError(400, "validation_error", "cursor: is none that was given out here");

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
    const next = from.at + limit;
    const hasMore = next < found.length;
    return json({
      items: found.slice(from.at, next).map((job) => rowOf(job, query, models, history)),
      next_cursor: hasMore ? encode({ ...from, at: next }) : null,
      has_more: hasMore,
    });
  });

/** Lists come as repeats or with commas; of anything else the last one counts. */
function parametersOf(search: URLSearchParams): Record<string, unknown> {
  const list = (name: string) =>
    search
      .getAll(name)
      .flatMap((value) => value.split(","))
      .filter(Boolean);
  return { ...Object.fromEntries(search), endpoint_id: list("endpoint_id"), expand: list("expand") };
}

const encode = (cursor: Cursor): string => Buffer.from(JSON.stringify(cursor)).toString("base64");

function decode(text: string): Cursor | undefined {
  try {
    return Cursor.parse(JSON.parse(Buffer.from(text, "base64").toString()));
  } catch {
    return undefined;
  }
}
