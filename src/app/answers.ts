import type { Failure } from "./failure.ts";
import {
  cookiesOf,
  fitHeaders,
  type HeaderRecord,
  headersOf,
  isFree,
  OF_THE_SERVER,
  type Reply,
  recordOf,
  unitsText,
} from "./reply.ts";

/** Told of headers that were left out. */
type OnDropped = (names: readonly string[]) => void;

/** Any page may ask, as it may ask fal's own apps. */
const FOR_ANY_PAGE: HeaderRecord = {
  "access-control-allow-origin": "*",
  "access-control-allow-credentials": "true",
};

/** What a handler gave, as JSON, with what its reply says. */
export const jsonAnswer = (value: unknown, reply: Reply, onDropped: OnDropped): Response =>
  answered(jsonText(value), "application/json", reply, onDropped);

/** What JSON has no word for is null, as within an array. @throws {TypeError} for a cycle or a bigint. */
export const jsonText = (value: unknown): string => JSON.stringify(value) ?? "null";

/** Statuses of answers that have no body: https://fetch.spec.whatwg.org/#null-body-status */
const WITHOUT_BODY: readonly number[] = [204, 205, 304];

/** What is charged where nobody says anything of it. */
const usualUnits = (status: number): HeaderRecord => (isFree(status) ? { "x-fal-billable-units": "0" } : {});

export function answered(body: BodyInit | null, type: string, reply: Reply, onDropped: OnDropped): Response {
  const { status } = reply;
  const headers = { ...FOR_ANY_PAGE, ...usualUnits(status), "content-type": type, ...headersOf(reply) };
  const sent = WITHOUT_BODY.includes(status) ? null : body;
  return new Response(sent, { status, headers: fitted(headers, cookiesOf(reply), onDropped) });
}

/** A handler's own `Response`, with what its reply says besides. */
export function completed(response: Response, reply: Reply, onDropped: OnDropped): Response {
  const { body, status, statusText } = response;
  const said = { ...FOR_ANY_PAGE, ...headersOf(reply) };
  const units = response.headers.has("x-fal-billable-units") ? {} : usualUnits(status);
  const headers = { ...recordOf(response.headers), ...units, ...said };
  const cookies = [...response.headers.getSetCookie(), ...cookiesOf(reply)];
  return new Response(body, { status, statusText, headers: fitted(headers, cookies, onDropped) });
}

/** What came by `fetch` is decoded by now, whatever its headers say: they would be wrong for whoever it is handed on to. */
export function handedOn(given: unknown): unknown {
  if (!(given instanceof Response) || given.url === "") return given;
  const { body, status, statusText } = given;
  const headers = new Headers(given.headers);
  for (const name of ["content-encoding", ...OF_THE_SERVER]) headers.delete(name);
  return new Response(body, { status, statusText, headers });
}

/** A failure in fal's form. What its author said to charge before it failed counts where the failure does not say. */
export function failureAnswer(failure: Failure, said?: number): Response {
  const { status, detail, retry, stopRunner } = failure;
  const units = failure.billableUnits ?? said ?? failure.usualUnits;
  const own = new Headers(failure.headers);
  const headers = {
    ...FOR_ANY_PAGE,
    ...recordOf(own),
    "content-type": "application/json",
    ...(units !== undefined && { "x-fal-billable-units": unitsText(units) }),
    ...(retry !== undefined && { "x-fal-needs-retry": retry ? "1" : "0" }),
    ...(stopRunner !== undefined && { "x-fal-stop-runner": stopRunner ? "1" : "0" }),
  };
  return new Response(JSON.stringify({ detail }), {
    status,
    headers: fitted(headers, own.getSetCookie(), () => {}),
  });
}

function fitted(given: HeaderRecord, givenCookies: readonly string[], onDropped: OnDropped): HeadersInit {
  const { kept, cookies, dropped } = fitHeaders(given, givenCookies);
  if (dropped.length > 0) onDropped(dropped);
  if (cookies.length === 0) return kept;
  const headers = new Headers(kept);
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  return headers;
}
