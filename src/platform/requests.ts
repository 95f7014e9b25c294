import * as z from "zod/mini";
import type { Clock } from "../base/clock.ts";
import { parseForeign } from "../base/json.ts";
import type { Transport } from "../base/transport.ts";
import { ApiError } from "../errors/api.ts";
import { REQUEST_ID } from "../journal/call.ts";
import { pagesOf } from "./pages.ts";

/** A request as the account's history tells it. Times in milliseconds since the epoch, on the caller's clock. */
export interface PastRequest {
  readonly requestId: string;
  readonly endpoint: string;
  readonly sentAt: number;
  readonly endedAt: number | undefined;
  readonly statusCode: number | undefined;
  /** Undefined where the payload was not stored. */
  readonly input: unknown;
  readonly output: unknown;
}

export interface Limits {
  readonly signal?: AbortSignal;
  /** Milliseconds since the epoch: history whose answers are no use is not asked beyond it. */
  readonly answeredBy?: number;
  /** The same for history that cannot be reached. */
  readonly deadline?: number;
  /** Another endpoint under which requests may be listed instead. One that fal does not know has none. */
  readonly also?: string | undefined;
}

/** What history has of an endpoint. */
export interface Past {
  /** Every request that was sent at or after a moment. */
  readonly requests: readonly PastRequest[];
  /** Some that seem to have been sent in the ten minutes before: a clock may have been wrong. */
  readonly earlier: readonly PastRequest[];
  /** Whether its answers tell what its clock says. */
  readonly isDated: boolean;
}

export interface History {
  /** What was sent at or after `from`, by the clock as it is when an answer comes; all pages. */
  since(endpoint: string, from: () => number, limits?: Limits): Promise<Past>;
  find(endpoint: string, requestId: string, limits?: Limits): Promise<PastRequest | undefined>;
  /** How long history that cannot be reached is asked, in milliseconds. */
  readonly patienceMs: number;
}

/** Source: `GET /v1/models/requests/by-endpoint` of https://api.fal.ai/v1/openapi.json */
const Page = z.looseObject({
  items: z.array(
    z.looseObject({
      request_id: z.string().check(z.regex(REQUEST_ID)),
      endpoint_id: z.string(),
      sent_at: z.string(),
      ended_at: z.catch(z.optional(z.nullable(z.string())), undefined),
      status_code: z.catch(z.optional(z.nullable(z.number().check(z.gte(100), z.lte(599)))), undefined),
      json_input: z.optional(z.unknown()),
      json_output: z.optional(z.unknown()),
    }),
  ),
  next_cursor: z.optional(z.nullable(z.string())),
  has_more: z.optional(z.boolean()),
});

/** A history that never ends must not hold a call for ever. */
const MAX_PAGES = 200;

export function createHistory(transport: Transport, base: () => string, clock: Clock): History {
  async function page(params: Record<string, string>, { also: _, ...limits }: Limits) {
    const url = new URL(`${base()}/models/requests/by-endpoint`);
    for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value);
    const endpoint = params["endpoint_id"] ?? "";
    return transport.send(
      { operation: "platform", method: "GET", url: url.href, endpoint, ...limits },
      ({ text, headers }) => ({ ...z.parse(Page, parseForeign(text)), skew: skewMs(headers, clock.now()) }),
    );
  }

  /** @param clocks Is told how far the server's clock is ahead of ours. */
  async function* pages(
    params: Record<string, string>,
    limits: Limits,
    clocks: { skew: number; isDated: boolean } = { skew: 0, isDated: true },
  ): AsyncGenerator<PastRequest> {
    const read = (cursor: object) => page({ ...params, expand: "payloads", limit: "100", ...cursor }, limits);
    for await (const page of pagesOf("fal's request history", MAX_PAGES, read)) {
      const { items, skew = 0 } = page;
      clocks.skew = skew;
      clocks.isDated &&= page.skew !== undefined;
      for (const item of items) {
        yield {
          requestId: item.request_id,
          endpoint: item.endpoint_id,
          sentAt: Date.parse(item.sent_at) - skew,
          endedAt: item.ended_at ? Date.parse(item.ended_at) - skew : undefined,
          statusCode: item.status_code ?? undefined,
          input: item.json_input ?? undefined,
          output: item.json_output ?? undefined,
        };
      }
    }
  }

  const since = async (endpoint: string, from: () => number, limits: Limits): Promise<Past> => {
    // The server filters by its own clock, which may be behind ours: its answer says by how much.
    for (let start = from() - USUAL_SKEW_MS, round = 0; ; round++) {
      const clocks = { skew: 0, isDated: true };
      const requests: PastRequest[] = [];
      const earlier: PastRequest[] = [];
      const query = { endpoint_id: endpoint, start: new Date(start).toISOString() };
      for await (const request of pages(query, limits, clocks)) {
        // Of one that does not tell when it was sent, nobody can say that it was before.
        const isEarlier = request.sentAt < from();
        (isEarlier ? earlier : requests).push(request);
      }
      const needed = from() + clocks.skew - SPARE_MS;
      if (start <= needed || round === MAX_ROUNDS) {
        return { requests, earlier, isDated: clocks.isDated };
      }
      start = needed;
    }
  };

  const find = async (
    endpoint: string,
    requestId: string,
    limits: Limits,
  ): Promise<PastRequest | undefined> => {
    for await (const request of pages({ endpoint_id: endpoint, request_id: requestId }, limits)) {
      if (request.requestId === requestId) return request;
    }
    return undefined;
  };

  return {
    patienceMs: transport.patienceMs,
    async since(endpoint, from, limits = {}) {
      const found = await since(endpoint, from, limits);
      if (limits.also === undefined) return found;
      const also = await since(limits.also, from, limits).catch(unlessUnknown(NOTHING));
      return {
        requests: [...found.requests, ...also.requests],
        earlier: [...found.earlier, ...also.earlier],
        isDated: found.isDated && also.isDated,
      };
    },
    async find(endpoint, requestId, limits = {}) {
      const found = await find(endpoint, requestId, limits);
      if (found || limits.also === undefined) return found;
      return find(limits.also, requestId, limits).catch(unlessUnknown(undefined));
    },
  };
}

const NOTHING: Past = { requests: [], earlier: [], isDated: true };

/** What fal answers of an endpoint that there is not. */
const unlessUnknown =
  <T>(instead: T) =>
  (error: unknown): T => {
    if (error instanceof ApiError && [400, 404, 422].includes(error.status)) return instead;
    throw error;
  };

/** How far two clocks may be apart without a second question. */
const USUAL_SKEW_MS = 10 * 60 * 1000;
/** `Date` has whole seconds, and an answer takes its time. */
const SPARE_MS = 60_000;
/** A clock that steps back at each answer must not hold a call for ever. */
const MAX_ROUNDS = 3;

/** A hundred years: no clock is set so wrong, and what is further away may be beyond any date. */
const MOST_SKEW_MS = 100 * 365 * 24 * 60 * 60 * 1000;

/** How far the server's clock is ahead of ours, as its `Date` tells: whole seconds, so small differences are none. */
function skewMs(headers: Headers, now: number): number | undefined {
  const skew = Date.parse(headers.get("date") ?? "") - now;
  if (Number.isNaN(skew)) return undefined;
  return Math.abs(skew) < 2_000 || Math.abs(skew) > MOST_SKEW_MS ? 0 : skew;
}
