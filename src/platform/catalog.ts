import * as z from "zod/mini";
import { parseForeign } from "../base/json.ts";
import { pooled } from "../base/pooled.ts";
import type { Transport } from "../base/transport.ts";
import { ApiError } from "../errors/api.ts";
import { isPlausible, priceInNanoUsd } from "../money/cost.ts";
import { pagesOf } from "./pages.ts";

/** An endpoint as fal's catalog has it. */
export interface CatalogEntry {
  readonly id: string;
  readonly title: string;
  readonly category: string;
  readonly description: string;
  /** `active` or `deprecated`, as far as fal says. */
  readonly status: string;
  /** Its OpenAPI document, where it was asked for and there is one. */
  readonly document?: unknown;
}

export interface Catalog {
  /** Those that a text finds by name, description or category, as many as are asked for. */
  search(wish: { text?: string; category?: string; limit: number }): Promise<CatalogEntry[]>;
  /** These, with their documents; what fal does not know is not among them. */
  find(ids: readonly string[]): Promise<Map<string, CatalogEntry>>;
  /** Of those that have a price, what a unit costs. */
  prices(ids: readonly string[]): Promise<Map<string, { unit: string; unitPriceNanoUsd: number }>>;
}

/** Source: `GET /v1/models` of https://api.fal.ai/v1/openapi.json */
const text = z.catch(z.string(), "");
const Page = z.looseObject({
  models: z.array(
    z.looseObject({
      endpoint_id: z.string(),
      metadata: z.catch(
        z.optional(z.looseObject({ display_name: text, category: text, description: text, status: text })),
        undefined,
      ),
      openapi: z.optional(z.unknown()),
    }),
  ),
  next_cursor: z.optional(z.nullable(z.string())),
  has_more: z.optional(z.boolean()),
});
type Row = z.output<typeof Page>["models"][number];

const Prices = z.looseObject({
  prices: z.array(z.looseObject({ endpoint_id: z.string(), unit_price: z.number(), unit: z.string() })),
});

const MOST_PAGES = 50;
const PAGE = 50;
/** A document has tens of kilobytes. */
const DOCUMENTS_AT_ONCE = 20;
const REQUESTS_AT_ONCE = 4;

const PUBLIC_API = "https://api.fal.ai/v1";
const PUBLIC_DOCUMENTS = "https://fal.ai/api/openapi/queue/openapi.json";

/** fal's catalog of endpoints. With `keyless` it is asked without a key, which it does not need, but for prices. */
export function createCatalog(transport: Transport, base: () => string, { keyless = false } = {}): Catalog {
  const read = <T>(url: URL, schema: z.ZodMiniType<T>, isPublic: boolean): Promise<T> =>
    transport.send(
      { operation: "platform", method: "GET", url: url.href, ...(isPublic && { keyless: "probe" }) },
      (reply) => z.parse(schema, parseForeign(reply.text)),
    );
  const models = (parameters: readonly (readonly [string, string])[]) => {
    const url = new URL(`${base()}/models`);
    for (const [name, value] of parameters) url.searchParams.append(name, value);
    return read(url, Page, keyless);
  };

  /** Where the catalog has lost a document, the page of the model may still have it. */
  async function documentOf({ endpoint_id: id, openapi }: Row): Promise<unknown> {
    if (isDocument(openapi)) return openapi;
    if (base() !== PUBLIC_API) return undefined;
    const url = new URL(PUBLIC_DOCUMENTS);
    url.searchParams.set("endpoint_id", id);
    const found = await read(url, z.unknown(), true).catch(orNothing);
    return isDocument(found) ? found : undefined;
  }

  async function some(ids: readonly string[]): Promise<CatalogEntry[]> {
    const named = ids.map((id) => ["endpoint_id", id] as const);
    const page = await models([...named, ["expand", "openapi-3.0"], ["limit", String(PAGE)]]).catch(
      orNothing,
    );
    // Whether one that is unknown spoils the others is not said.
    if (!page && ids.length > 1) return (await pooled(ids, REQUESTS_AT_ONCE, (id) => some([id]))).flat();
    const rows = page?.models.filter(({ endpoint_id: id }) => ids.includes(id)) ?? [];
    return pooled(rows, REQUESTS_AT_ONCE, async (row) => ({
      ...entryOf(row),
      document: await documentOf(row),
    }));
  }

  async function pricesOf(ids: readonly string[]): Promise<z.output<typeof Prices>["prices"]> {
    const url = new URL(`${base()}/models/pricing`);
    for (const id of ids) url.searchParams.append("endpoint_id", id);
    const found = await read(url, Prices, false).catch(orNothing);
    if (found || ids.length === 1) return found?.prices ?? [];
    return (await pooled(ids, REQUESTS_AT_ONCE, (id) => pricesOf([id]))).flat();
  }

  return {
    async search({ text = "", category, limit }) {
      const wish = [
        ...(text ? [["q", text] as const] : []),
        ...(category ? [["category", category] as const] : []),
      ];
      const found: CatalogEntry[] = [];
      const size = ["limit", String(Math.min(limit, PAGE))] as const;
      const pages = pagesOf("The catalog", MOST_PAGES, ({ cursor }) =>
        models([...wish, size, ...(cursor === undefined ? [] : [["cursor", cursor] as const])]),
      );
      for await (const page of pages) {
        found.push(...page.models.map(entryOf));
        if (found.length >= limit) break;
      }
      return found.slice(0, limit);
    },
    async find(ids) {
      const found = await pooled(chunks([...new Set(ids)], DOCUMENTS_AT_ONCE), 1, some);
      return new Map(found.flat().map((entry) => [entry.id, entry]));
    },
    async prices(ids) {
      const rows = (await pooled(chunks(ids, PAGE), 1, pricesOf)).flat();
      const known = rows
        .map((row) => ({ ...row, unitPriceNanoUsd: priceInNanoUsd(row.unit_price) }))
        .filter((row) => isPlausible(row.unitPriceNanoUsd));
      return new Map(
        known.map(({ endpoint_id: id, unit, unitPriceNanoUsd }) => [id, { unit, unitPriceNanoUsd }]),
      );
    },
  };
}

const entryOf = ({ endpoint_id: id, metadata }: Row): CatalogEntry => ({
  id,
  title: metadata?.display_name ?? "",
  category: metadata?.category ?? "",
  description: metadata?.description ?? "",
  status: metadata?.status ?? "",
});

/** In the place of a document there may be `{ error }`. */
const isDocument = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "paths" in value;

function orNothing(error: unknown): undefined {
  if (error instanceof ApiError && error.status === 404) return undefined;
  throw error;
}

const chunks = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, n) => items.slice(n * size, (n + 1) * size));
