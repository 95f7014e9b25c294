import type { Failure } from "./failure.ts";
import { fitHeaders, type HeaderRecord, headersOf, type Reply, unitsText } from "./reply.ts";

/** Told of headers that were left out. */
type OnDropped = (names: readonly string[]) => void;

/** Any page may ask, as it may ask fal's own apps. */
const FOR_ANY_PAGE: HeaderRecord = {
  "access-control-allow-origin": "*",
  "access-control-allow-credentials": "true",
};

/** What a handler gave, as JSON, with what its reply says. */
export const jsonAnswer = (value: unknown, reply: Reply, onDropped: OnDropped): Response =>
  answered(JSON.stringify(value ?? null), "application/json", reply, onDropped);

export function answered(body: BodyInit | null, type: string, reply: Reply, onDropped: OnDropped): Response {
  const headers = { ...FOR_ANY_PAGE, "content-type": type, ...headersOf(reply) };
  return new Response(body, { status: reply.status, headers: fitted(headers, onDropped) });
}

/** A handler's own `Response`, with what its reply says besides. */
export function completed(response: Response, reply: Reply, onDropped: OnDropped): Response {
  const { body, status, statusText } = response;
  const said = { ...FOR_ANY_PAGE, ...headersOf(reply) };
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(said)) headers.set(name, value);
  const { dropped } = fitHeaders(Object.fromEntries(headers));
  for (const name of dropped) headers.delete(name);
  if (dropped.length > 0) onDropped(dropped);
  return new Response(body, { status, statusText, headers });
}

/** A failure in fal's form. What its author said to charge before it failed counts where the failure does not say. */
export function failureAnswer(failure: Failure, said?: number): Response {
  const { status, detail, retry, stopRunner } = failure;
  const units = said ?? failure.billableUnits;
  const headers = {
    ...FOR_ANY_PAGE,
    ...failure.headers,
    "content-type": "application/json",
    ...(units !== undefined && { "x-fal-billable-units": unitsText(units) }),
    ...(retry !== undefined && { "x-fal-needs-retry": retry ? "1" : "0" }),
    ...(stopRunner !== undefined && { "x-fal-stop-runner": stopRunner ? "1" : "0" }),
  };
  return new Response(JSON.stringify({ detail }), { status, headers: fitted(headers, () => {}) });
}

function fitted(headers: HeaderRecord, onDropped: OnDropped): HeaderRecord {
  const { kept, dropped } = fitHeaders(headers);
  if (dropped.length > 0) onDropped(dropped);
  return kept;
}
