import { ApiError, ValidationError, withoutInput } from "../errors/api.ts";
import { FalError } from "../errors/fal-error.ts";
import type { AnyEndpoint } from "./endpoint.ts";
import { AppError } from "./errors.ts";
import { isFree } from "./reply.ts";

/** What a request is answered with that failed. */
export interface Failure {
  readonly status: number;
  readonly detail: unknown;
  /** What its author says; else what the reply says counts, and `usualUnits` where that says nothing either. */
  readonly billableUnits?: number | undefined;
  readonly usualUnits?: number | undefined;
  readonly retry?: boolean | undefined;
  readonly stopRunner?: boolean | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** As fal's own SDK answers a request that was cancelled, and what nobody expected. */
export const CANCELLED: Failure = {
  status: 499,
  detail: "Request cancelled by the client.",
  usualUnits: 0,
};
export const UNEXPECTED: Failure = { status: 500, detail: "Internal Server Error" };

/** The runner ends: another one goes on with the request. */
export const LET_GO: Failure = { status: 500, detail: "The runner is shutting down.", retry: true };

/**
 * What a handler's failure is for its caller: what its author says, else what the failure of a call says of it. Of a service
 * that the app uses, callers are told only that it failed.
 */
export function failureOf(error: unknown, { passOn = false }: Pick<AnyEndpoint<never>, "passOn">): Failure {
  if (error instanceof AppError) return withFreeDefault(error);
  if (!(error instanceof FalError)) return UNEXPECTED;
  if (error instanceof ValidationError) {
    const isCallers = typeof passOn === "function" ? passOn(error) : passOn;
    return isCallers ? passedOn(error) : REFUSED_BELOW;
  }
  return OF_CALLS[error.code] ?? (error instanceof ApiError || error.retryable ? UNAVAILABLE : UNEXPECTED);
}

/** fal charges the default for an answer that says nothing, errors too. */
const withFreeDefault = (error: AppError): Failure => {
  const { status, detail, retry, stopRunner, headers, billableUnits } = error;
  return {
    ...{ status, detail, retry, stopRunner, headers, billableUnits },
    usualUnits: isFree(status) ? 0 : undefined,
  };
};

const modelError = (status: number, type: string, msg: string): Failure => ({
  status,
  detail: [{ loc: ["body"], msg, type }],
  usualUnits: 0,
});

/** fal's own words and statuses: https://fal.ai/docs/documentation/model-apis/errors */
const UNAVAILABLE = modelError(
  500,
  "downstream_service_unavailable",
  "A service that this app uses failed. Try again later.",
);
const REFUSED_BELOW = modelError(
  400,
  "downstream_service_error",
  "A service that this app uses did not accept what it was given.",
);

/** By their codes, where it is not the rule. */
const OF_CALLS: Partial<Record<FalError["code"], Failure>> = {
  // The author's own time limit: the same again would take as long.
  timeout: {
    ...modelError(504, "generation_timeout", "It took longer than this app waits for."),
    retry: false,
  },
  budget_exceeded: { status: 402, detail: "The budget for this is used up.", usualUnits: 0 },
  account_locked: UNAVAILABLE,
  network: UNAVAILABLE,
  fetch: UNAVAILABLE,
  // Nobody knows whether it is paid: a person says so, and trying again does not.
  ambiguous_submit: UNAVAILABLE,
  run_blocked: UNAVAILABLE,
  malformed_reply: UNAVAILABLE,
  reply_too_large: UNAVAILABLE,
  store: { ...UNAVAILABLE, retry: true },
  aborted: CANCELLED,
  run_aborted: CANCELLED,
  run_detached: LET_GO,
  lease_lost: LET_GO,
};

/** A model's own problems with its input, as those of this app. */
function passedOn(error: ValidationError): Failure {
  const { detail } = withoutInput(error.body) as { detail?: unknown };
  const said = Array.isArray(detail) ? detail : error.fieldErrors;
  return { status: 422, detail: said, usualUnits: 0 };
}
