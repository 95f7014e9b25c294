import { parseForeign } from "../base/json.ts";
import { isPaid, type WireRequest } from "../base/transport.ts";
import { AmbiguousSubmitError } from "../errors/ambiguous-submit.ts";
import { apiError, isModelAnswer } from "../errors/api.ts";
import type { FalError } from "../errors/fal-error.ts";
import { FetchError, MalformedReplyError, NetworkError, ReplyTooLargeError } from "../errors/network.ts";
import { billableUnits } from "../money/cost.ts";
import type { Failure } from "./failure.ts";

/** The error that a failure becomes once nothing more can be tried. */
export function errorOf(request: WireRequest, failure: Failure): FalError {
  const { operation, endpoint, requestId } = request;
  const { reply } = failure;
  const cause = failure.kind === "response" ? undefined : failure.cause;
  if (isPaid(operation) && isAmbiguous(failure)) {
    const claimed = "claimed" in failure ? failure.claimed : undefined;
    const requestId = claimed ?? reply?.headers.get("x-fal-request-id") ?? undefined;
    return new AmbiguousSubmitError(endpoint ?? "fal", failure.why, { requestId, cause });
  }
  if (reply) {
    const answer = { status: reply.status, body: parseBody(reply.text), headers: reply.headers };
    const isSaid = billableUnits(reply.headers) !== undefined;
    const isRead = operation === "status" || operation === "result" || operation === "cancel";
    return apiError({
      ...answer,
      // Nobody but the model itself, or the queue, knows whether it is billed.
      ...(isRead && !isSaid && !isModelAnswer(answer) && { billed: "unknown" }),
      // There is no request that could be billed, unless fal says that there is.
      ...(operation === "submit" && !isSaid && { billed: false }),
      requestId: requestId ?? reply.headers.get("x-fal-request-id") ?? undefined,
      endpoint,
    });
  }
  const { why } = failure;
  const facts = { endpoint, requestId, cause, billed: requestId ? ("unknown" as const) : false };
  const what = `The ${operation}${endpoint ? ` of ${endpoint}` : ""}`;
  if (failure.kind === "thrown") return new FetchError(what, why, facts, failure.by);
  if (failure.kind === "too-large") return new ReplyTooLargeError(what, failure.maxBytes, facts);
  if (why.startsWith("an unreadable answer")) return malformed(request, why, cause);
  return new NetworkError(
    `${URL.parse(request.url)?.origin} could not be reached for the ${operation}${endpoint ? ` of ${endpoint}` : ""} ` +
      `(${why}). Check the network and FAL_HOST.`,
    facts,
  );
}

const isAmbiguous = (
  failure: Failure,
): failure is Exclude<Failure, { readonly kind: "refused" | "response" }> =>
  failure.kind === "ambiguous" ||
  failure.kind === "too-large" ||
  (failure.kind === "thrown" && failure.mayHaveLeft);

export const malformed = ({ operation, endpoint, requestId }: WireRequest, what: string, cause?: unknown) =>
  new MalformedReplyError(`The ${operation}${endpoint ? ` of ${endpoint}` : ""} was answered with ${what}.`, {
    endpoint,
    requestId,
    cause,
    billed: requestId ? "unknown" : false,
  });

function parseBody(text: string): unknown {
  try {
    return parseForeign(text);
  } catch {
    return text;
  }
}
