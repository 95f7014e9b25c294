import { createHash } from "node:crypto";
import { mayAskForRetry } from "./retries.ts";

/** Of what begins with `x-fal-` only these of the caller's reach a runner; the gateway keeps the rest, or sets it. */
const PASSED = new Set(["x-fal-cdn-token", "x-fal-object-lifecycle-preference"]);
const ENDS_AT_THE_GATEWAY = new Set([
  ...["authorization", "host", "connection", "content-length", "transfer-encoding", "keep-alive", "upgrade"],
  ...["te", "trailer", "proxy-authorization", "proxy-connection"],
  // What is compressed on the way to the gateway could not be read by it.
  ...["accept-encoding", "expect"],
]);

/** A request, as far as its runner is told of it. */
export interface Addressed {
  readonly headers: Readonly<Record<string, string>>;
  readonly requestId: string;
  /** `owner/name/path` */
  readonly endpoint: string;
  /** Who called. */
  readonly account: string;
  /** Whose app it is. */
  readonly owner: string | undefined;
}

/**
 * What the runner of an app is given of a request's headers: https://docs.fal.ai/documentation/development/request-headers.
 * A third party's id is hashed; that the account's own is the plain one follows from that page and is not established.
 */
export function headersForRunner({ headers, requestId, endpoint, account, owner }: Addressed): Headers {
  const passed = Object.entries(headers).filter(
    ([name]) => !ENDS_AT_THE_GATEWAY.has(name) && (!name.startsWith("x-fal-") || PASSED.has(name)),
  );
  return new Headers([
    ...passed,
    ["x-fal-request-id", requestId],
    ["x-fal-caller-user-id", account === owner ? account : strangersId(account)],
    ["x-fal-endpoint", `${endpoint}/`],
  ]);
}

export const strangersId = (account: string): string => createHash("sha256").update(account).digest("hex");

/** Between an app and its callers: of the connection, for the gateway alone, or set by it. */
const NOT_FOR_CALLERS = new Set([
  ...["connection", "keep-alive", "transfer-encoding", "content-length", "trailer", "upgrade", "date"],
  ...["x-fal-stop-runner", "x-fal-request-id", "x-fal-served-from"],
]);

/** What the caller is given of an answer's headers. */
export function headersForCaller(
  answer: { readonly status: number; readonly headers: Headers },
  { requestId, jobId }: { readonly requestId: string; readonly jobId: string },
): Headers {
  const passed = [...answer.headers].filter(
    ([name]) => !NOT_FOR_CALLERS.has(name) && (name !== "x-fal-needs-retry" || mayAskForRetry(answer.status)),
  );
  return new Headers([...passed, ["x-fal-request-id", requestId], ["x-fal-served-from", jobId]]);
}

/** Of all headers of an answer together, fal's own included: https://docs.fal.ai/documentation/development/request-headers */
export const MOST_HEADER_BYTES = 16 * 1024;

/** As they stand on the wire. */
export const bytesOfHeaders = (headers: Headers): number =>
  [...headers].reduce((sum, [name, value]) => sum + name.length + value.length + ": \r\n".length, 0);

/** What an answer says it costs; undefined where it says nothing that is a number, and the default is charged. */
export function billableUnitsIn(headers: Headers): number | undefined {
  const text = headers.get("x-fal-billable-units")?.trim();
  const units = text ? Number(text) : Number.NaN;
  return Number.isFinite(units) && units >= 0 ? units : undefined;
}
