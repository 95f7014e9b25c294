import type { Emulator } from "fal-chain/emulator";
import type { Wire } from "./wire.ts";

export interface HistoryOptions {
  /** Milliseconds after its submit before a request shows up. */
  readonly lagMs?: number;
  /** Whether the inputs are there. */
  readonly payloads?: boolean;
  /** Instead of an answer. */
  readonly status?: number;
  /** Requests of others, newest first. */
  readonly others?: readonly { request_id: string; json_input: unknown }[];
  readonly now: () => number;
}

/** The account's request history, told from what an emulator has accepted; two requests a page. */
export function withHistory(
  emulator: () => Emulator,
  options: HistoryOptions,
  next: Wire = (_, go) => go(),
): Wire {
  return (request, forward) => {
    const url = new URL(request.url);
    if (!url.pathname.endsWith("/models/requests/by-endpoint")) return next(request, forward);
    if (options.status)
      return Response.json({ error: { type: "x", message: "no" } }, { status: options.status });
    const asked = url.searchParams;
    const item = (id: string, sentAt: number, input: unknown, output?: unknown) => ({
      request_id: id,
      endpoint_id: asked.get("endpoint_id"),
      started_at: new Date(sentAt).toISOString(),
      sent_at: new Date(sentAt).toISOString(),
      ...(options.payloads !== false && { json_input: input, json_output: output, status_code: 200 }),
    });
    const all = [
      ...(options.others ?? []).map(({ request_id, json_input }) =>
        item(request_id, options.now(), json_input),
      ),
      ...emulator()
        .jobs.filter(({ submittedAt }) => options.now() - submittedAt >= (options.lagMs ?? 0))
        .map(({ requestId, submittedAt, input, result }) =>
          item(requestId, submittedAt, { ...(input as object), a_default: 1 }, result?.body),
        ),
    ].filter(({ request_id }) => (asked.get("request_id") ?? request_id) === request_id);
    const from = Number(asked.get("cursor") ?? 0);
    const more = all.length > from + 2;
    return Response.json({
      items: all.slice(from, from + 2),
      next_cursor: more ? String(from + 2) : null,
      has_more: more,
    });
  };
}
