import { ApiError } from "../errors/api.ts";
import { FalError } from "../errors/fal-error.ts";
import { type FailureState, stateOfFailure } from "../errors/registry.ts";

/** How a call or a run went, in one word. `handed-over`: it was submitted, and whoever has its request id asks for the rest. */
export type EndState = FailureState | "handed-over";

export function stateOf(error: unknown, isHandedOver = false): EndState {
  if (isHandedOver) return "handed-over";
  return error === undefined ? "completed" : stateOfFailure(error);
}

/** Somebody wanted this end, so it is no error. */
export const isWanted = (state: EndState): boolean => state === "cancelled" || state === "detached";

/** Short and stable, for grouping: never a text that may quote something. */
export const codeOf = (error: unknown): string => (error instanceof FalError ? error.code : classOf(error));

export const classOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);

const DEEPEST_CAUSE = 4;
/** A server may answer with a page, and a program quote it. */
const LONGEST = 10_000;

const bounded = (text: string): string =>
  text.length > LONGEST ? `${text.slice(0, LONGEST)}… (${text.length - LONGEST} more characters)` : text;

/**
 * An error as it is logged, and not the error itself: loggers print what they find on one. Only facts that hold no payload: an answer's body may
 * quote the input.
 */
export function failureFacts(error: unknown, depth = 0): object {
  if (!(error instanceof Error)) return { name: typeof error, message: bounded(String(error)) };
  const { code, requestId, endpoint, billed } = error instanceof FalError ? error : ({} as Partial<FalError>);
  const { message, stack } = error;
  return {
    name: error.name,
    code,
    message: bounded(message),
    request_id: requestId,
    endpoint,
    billed,
    status: error instanceof ApiError ? error.status : undefined,
    // It begins with the message.
    stack: message.length > LONGEST ? undefined : stack,
    cause:
      error.cause === undefined || depth >= DEEPEST_CAUSE ? undefined : failureFacts(error.cause, depth + 1),
  };
}
