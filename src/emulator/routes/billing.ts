import { type Context, Hono } from "hono";
import * as z from "zod";
import { type BillQuery, type Charge, chargesOf, type TagFilter } from "../billing.ts";
import { callerOf } from "../credentials.ts";
import type { Platform, RouteEnv } from "../platform.ts";
import { json, platformError } from "../replies.ts";
import { bucketOf, usageRows } from "../usage.ts";
import {
  badCursor,
  type Cursor,
  date,
  decodeCursor,
  MOST_IDS,
  pageOf,
  parametersOf,
  refused,
} from "./parameters.ts";

const DAY_MS = 24 * 60 * 60_000;
const MOST_DAYS = 90;
const MOST_ROWS = 10_000;

const ids = z.array(z.string()).max(MOST_IDS);
const common = {
  cursor: z.string().optional(),
  start: date.optional(),
  end: date.optional(),
  endpoint_id: ids,
  api_key_id: ids,
  login_username: ids,
};
const tag = z
  .string()
  .regex(/^[^=]+=/, "must be key=value")
  .transform((text): TagFilter => {
    const at = text.indexOf("=");
    const value = text.slice(at + 1);
    return { key: text.slice(0, at), value: value === "(untagged)" ? undefined : value };
  });

const EventParameters = z.object({
  ...common,
  limit: z.coerce.number().int().min(1).max(MOST_ROWS).default(MOST_ROWS),
  request_id: ids,
  source: z.enum(["billed", "tagged-billed"]).default("billed"),
  tag: z.array(tag).max(10),
  expand: z.array(z.enum(["auth_method", "auth_method_structured"])),
});

const UsageParameters = z.object({
  ...common,
  limit: z.coerce.number().int().min(1).max(MOST_ROWS).default(MOST_ROWS),
  timeframe: z.enum(["minute", "hour", "day", "week", "month"]).default("day"),
  // Buckets in other time zones are not emulated.
  timezone: z.literal("UTC", "only UTC is emulated").default("UTC"),
  expand: z.array(z.enum(["time_series", "summary", "auth_method", "auth_method_structured"])),
});

const LISTS = ["endpoint_id", "api_key_id", "login_username", "request_id", "expand"];

/** `api.fal.ai/v1`: what the account has to pay, request by request and added up. For ADMIN keys. */
export const billingRoutes = (platform: Platform): Hono<RouteEnv> =>
  new Hono<RouteEnv>()
    .get("/api/v1/models/billing-events", (c) => {
      const account = adminOf(c, platform);
      if (account instanceof Response) return account;
      const { search } = c.env.address;
      // A tag's value may hold no comma, so a list of tags can be told as any other.
      const parsed = EventParameters.safeParse(parametersOf(search, [...LISTS, "tag"]));
      if (!parsed.success) return refused(parsed.error);
      const { limit, source, tag: tags, request_id: requests, expand } = parsed.data;
      const isTagged = source === "tagged-billed";
      if (tags.length > 0 && !isTagged)
        return platformError(400, "validation_error", "tag: needs source=tagged-billed");

      const found = chargesFor(parsed.data, account, platform, {
        requests,
        tagged: isTagged ? tags : undefined,
      });
      if (found instanceof Response) return found;
      const { page, rest } = pageOf(found.charges, found.from, limit);
      return json({ billing_events: page.map((charge) => eventOf(charge, isTagged, expand)), ...rest });
    })
    .get("/api/v1/models/usage", (c) => {
      const account = adminOf(c, platform);
      if (account instanceof Response) return account;
      const parsed = UsageParameters.safeParse(parametersOf(c.env.address.search, LISTS));
      if (!parsed.success) return refused(parsed.error);
      const { limit, timeframe, expand } = parsed.data;
      const found = chargesFor(parsed.data, account, platform, { requests: [], tagged: undefined });
      if (found instanceof Response) return found;
      const buckets = [...Map.groupBy(found.charges, ({ at }) => bucketOf(at, timeframe))];
      const { page, rest } = pageOf(buckets, found.from, limit);
      const inTime = expand.includes("time_series") || !expand.includes("summary");
      return json({
        ...(inTime && {
          time_series: page.map(([bucket, charges]) => ({ bucket, results: usageRows(charges) })),
        }),
        ...(expand.includes("summary") && { summary: usageRows(found.charges) }),
        ...rest,
      });
    });

/** The account of an ADMIN key, or the answer to any other. */
export function adminOf(c: Context<RouteEnv>, { billing }: Platform): string | Response {
  const caller = callerOf(c.req.raw.headers, c.env.address.via);
  if (!caller.known) return platformError(401, "authorization_error", caller.why);
  if (billing.forbidden) return platformError(403, "authorization_error", "This needs an ADMIN key");
  return caller.account;
}

type Common = Pick<z.output<typeof EventParameters>, keyof typeof common>;

function chargesFor(
  wish: Common,
  account: string,
  platform: Platform,
  more: Pick<BillQuery, "requests" | "tagged">,
): { charges: Charge[]; from: Cursor } | Response {
  const { clock, machine, billing } = platform;
  const now = clock.now();
  const from =
    wish.cursor === undefined
      ? { asOf: now, start: wish.start ?? now - DAY_MS, at: 0 }
      : decodeCursor(wish.cursor);
  if (!from) return badCursor();
  const end = wish.end ?? from.asOf + 1;
  if (end - from.start > MOST_DAYS * DAY_MS) {
    return platformError(400, "validation_error", `start: lies more than ${MOST_DAYS} days before the end`);
  }
  const query = {
    account,
    start: from.start,
    end,
    endpoints: wish.endpoint_id,
    keys: wish.api_key_id,
    asOf: from.asOf,
    ...more,
  };
  // Nobody logs in to an emulator: what was paid for by a login is nothing.
  const jobs = wish.login_username.length > 0 ? [] : machine.jobs.values();
  return { charges: chargesOf(jobs, query, platform, billing), from };
}

const eventOf = (charge: Charge, tagged: boolean, expand: readonly string[]) => ({
  request_id: charge.job.requestId,
  endpoint_id: charge.job.endpoint,
  timestamp: new Date(charge.at).toISOString(),
  output_units: charge.units,
  unit_price: charge.unitPrice,
  percent_discount: charge.percentDiscount,
  cost_subtotal: charge.subtotal,
  cost_discount: charge.discount,
  cost_total: charge.total,
  cost_estimate_nano_usd: Math.round(charge.total * 1e9),
  ...(tagged && { tags: charge.job.tags }),
  ...(expand.includes("auth_method") && { auth_method: `API key ${charge.job.account}` }),
  ...(expand.includes("auth_method_structured") && {
    auth_method_structured: { detail: "API key", api_key_id: charge.job.account },
  }),
});
