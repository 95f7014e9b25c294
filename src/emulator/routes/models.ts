import { Hono } from "hono";
import * as z from "zod";
import { nearest } from "../../base/text.ts";
import type { Model } from "../../model/model.ts";
import { openApiOf } from "../openapi.ts";
import type { Platform, RouteEnv } from "../platform.ts";
import { json, platformError } from "../replies.ts";
import { badCursor, decodeCursor, MOST_IDS, pageOf, parametersOf, refused } from "./parameters.ts";

const Parameters = z.object({
  endpoint_id: z.array(z.string()).max(MOST_IDS),
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z.string().optional(),
  q: z.string().default(""),
  category: z.string().optional(),
  status: z.enum(["active", "deprecated"]).optional(),
  expand: z.array(z.enum(["openapi-3.0", "enterprise_status"])).default([]),
});

/** `api.fal.ai/v1`: what models there are, and their documents. It takes no key. */
export const modelRoutes = ({ models, clock }: Platform): Hono<RouteEnv> =>
  new Hono<RouteEnv>().get("/api/v1/models", (c) => {
    const parsed = Parameters.safeParse(parametersOf(c.env.address.search, ["endpoint_id", "expand"]));
    if (!parsed.success) return refused(parsed.error);
    const { endpoint_id: ids, limit, cursor, expand, ...wish } = parsed.data;
    const from = cursor === undefined ? { asOf: clock.now(), start: 0, at: 0 } : decodeCursor(cursor);
    if (!from) return badCursor();

    const unknown = ids.filter((id) => !models.has(id));
    // UNSURE whether fal says so too where others of them are there; here those are given.
    if (ids.length > 0 && unknown.length === ids.length) return notFound(unknown, models);
    const named = [...models.values()].filter(({ id }) => ids.length === 0 || ids.includes(id));
    const { page, rest } = pageOf(
      named.filter((model) => isMeant(model, wish)),
      from,
      limit,
    );
    const expanded = expand.includes("openapi-3.0");
    return json({ models: page.map((model) => rowOf(model, expanded)), ...rest });
  });

function notFound(ids: readonly string[], models: Platform["models"]): Response {
  const meant = nearest(ids[0] ?? "", models.keys());
  const hint =
    meant === undefined ? `This emulator has ${[...models.keys()].join(", ")}` : `Did you mean ${meant}?`;
  return platformError(404, "not_found", `Endpoint ${ids.join(", ")} not found. ${hint}`);
}

interface Wish {
  readonly q: string;
  readonly category?: string | undefined;
  readonly status?: "active" | "deprecated" | undefined;
}

function isMeant({ id, title, category = "", description = "" }: Model, wish: Wish): boolean {
  const text = `${id} ${title} ${category} ${description}`.toLowerCase();
  const isNamed = wish.q
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
  return isNamed && (wish.category ?? category) === category && wish.status !== "deprecated";
}

const rowOf = (model: Model, expanded: boolean) => ({
  endpoint_id: model.id,
  metadata: {
    display_name: model.title,
    category: model.category ?? "",
    description: model.description ?? "",
    status: "active",
    tags: [],
    updated_at: "2026-01-01T00:00:00.000Z",
    is_favorited: null,
    thumbnail_url: "",
    model_url: `https://fal.run/${model.id}`,
    date: "2026-01-01T00:00:00.000Z",
    highlighted: false,
    kind: "inference",
    pinned: false,
  },
  ...(expanded && { openapi: openApiOf(model) }),
});
