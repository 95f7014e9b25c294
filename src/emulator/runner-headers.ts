import { createHash } from "node:crypto";
import { appOf } from "./endpoint.ts";
import type { Job } from "./job.ts";

/** Of what begins with `x-fal-` only these of the caller's reach a runner; the gateway keeps the rest, or sets it. */
const PASSED = new Set(["x-fal-cdn-token", "x-fal-object-lifecycle-preference"]);
const ENDS_AT_THE_GATEWAY = new Set(["authorization", "host", "connection", "content-length"]);

/**
 * What the runner of an app is given of a request's headers: https://docs.fal.ai/documentation/development/request-headers.
 * A third party's id is hashed; that the account's own is the plain one follows from that page and is not established.
 */
export function runnerHeaders({ headers, requestId, endpoint, account }: Job): Headers {
  const owner = appOf(endpoint).split("/").at(-2);
  const passed = Object.entries(headers).filter(
    ([name]) => !ENDS_AT_THE_GATEWAY.has(name) && (!name.startsWith("x-fal-") || PASSED.has(name)),
  );
  return new Headers([
    ...passed,
    ["x-fal-request-id", requestId],
    [
      "x-fal-caller-user-id",
      account === owner ? account : createHash("sha256").update(account).digest("hex"),
    ],
    ["x-fal-endpoint", `${endpoint}/`],
  ]);
}
