import type { Failure } from "./failure.ts";
import { fitHeaders, headersOf, type Reply, unitsText } from "./reply.ts";

/** Told of headers that were left out. */
type OnDropped = (names: readonly string[]) => void;

/** What a handler gave, as JSON, with what its reply says. */
export function jsonAnswer(value: unknown, reply: Reply, onDropped: OnDropped): Response {
  return answered(JSON.stringify(value ?? null), "application/json", reply, onDropped);
}

export function answered(body: BodyInit | null, type: string, reply: Reply, onDropped: OnDropped): Response {
  const headers = headersOf(reply);
  if (!headers.has("content-type")) headers.set("content-type", type);
  const dropped = fitHeaders(headers);
  if (dropped.length > 0) onDropped(dropped);
  return new Response(body, { status: reply.status, headers });
}

/** A handler's own `Response`, with what its reply says besides. */
export function completed(response: Response, reply: Reply, onDropped: OnDropped): Response {
  const headers = new Headers(response.headers);
  for (const [name, value] of headersOf(reply)) headers.set(name, value);
  const dropped = fitHeaders(headers);
  if (dropped.length > 0) onDropped(dropped);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

/** A failure in fal's form. What its author said to charge before it failed counts where the failure does not say. */
export function failureAnswer(failure: Failure, said?: number): Response {
  const { status, detail, retry, stopRunner } = failure;
  const headers = new Headers(failure.headers);
  const units = said ?? failure.billableUnits;
  if (units !== undefined) headers.set("x-fal-billable-units", unitsText(units));
  if (retry !== undefined) headers.set("x-fal-needs-retry", retry ? "1" : "0");
  if (stopRunner !== undefined) headers.set("x-fal-stop-runner", stopRunner ? "1" : "0");
  headers.set("content-type", "application/json");
  fitHeaders(headers);
  return new Response(JSON.stringify({ detail }), { status, headers });
}
