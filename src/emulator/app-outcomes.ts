import type { HostedApp } from "../gateway/app.ts";
import type { AttemptEnd } from "../gateway/attempt.ts";
import { billableUnitsIn, headersForCaller } from "../gateway/headers.ts";
import type { Breakage } from "../gateway/retries.ts";
import type { Job, Outcome } from "./job.ts";
import { contentOf, failureOutcome, jsonOfBody } from "./outcomes.ts";

type Answer = Extract<AttemptEnd, { readonly body: unknown }>;

/** What an app answered, as the result route replays it. */
export function answerOutcome(
  { ending: status, headers, body }: Answer,
  { requestId }: Pick<Job, "requestId">,
  app: Pick<HostedApp, "defaultUnits">,
  jobId: string,
): Outcome {
  const billableUnits = unitsOf(status, headers, app);
  const told = toldHeaders({ status, headers }, { requestId, jobId, app });
  const outcome = { status, ...contentOf(body), billableUnits, headers: Object.fromEntries(told) };
  if (status < 400) return outcome;
  return { ...outcome, failure: failureIn(status, jsonOfBody(outcome), headers) };
}

/** What the caller is given of an answer's headers, with what it is billed. */
export function toldHeaders(
  answer: { readonly status: number; readonly headers: Headers },
  { requestId, jobId, app }: { requestId: string; jobId: string; app: Pick<HostedApp, "defaultUnits"> },
): Headers {
  const headers = headersForCaller(answer, { requestId, jobId });
  headers.set("x-fal-billable-units", String(unitsOf(answer.status, answer.headers, app)));
  return headers;
}

/** 5xx are never billed. Anything else without a word on units costs the default, errors included. */
const unitsOf = (
  status: number,
  headers: Headers,
  { defaultUnits }: Pick<HostedApp, "defaultUnits">,
): number => (status >= 500 ? 0 : (billableUnitsIn(headers) ?? defaultUnits));

function failureIn(status: number, body: unknown, headers: Headers): NonNullable<Outcome["failure"]> {
  const { detail } = (body ?? {}) as { detail?: unknown };
  const items = Array.isArray(detail) ? (detail as { msg?: unknown; type?: unknown }[]) : [];
  const text = items.map(({ msg }) => String(msg)).join("; ");
  const usual = status >= 500 ? "runner_server_error" : "bad_request";
  return {
    error: text || (typeof detail === "string" ? detail : `Invalid status code: ${status}`),
    errorType: headers.get("x-fal-error-type") ?? String(items[0]?.type ?? usual),
  };
}

/** https://fal.ai/docs/documentation/model-apis/request-errors; that headers which are too long are a 500 is not told. */
const FAILURES: Readonly<Record<Breakage, readonly [number, string]>> = {
  refused: [503, "runner_connection_refused"],
  disconnected: [503, "runner_disconnected"],
  incomplete: [502, "runner_incomplete_response"],
  "timed-out": [504, "request_timeout"],
  "headers-too-long": [500, "runner_server_error"],
};

/** What stands for an answer that never came. A caller without the queue is told that another try may help. */
export function breakageOutcome(
  { ending, why }: Extract<AttemptEnd, { readonly why: string }>,
  job: Pick<Job, "direct">,
  jobId: string,
): Outcome {
  const [status, type] = FAILURES[ending];
  const isTemporary = job.direct !== undefined && ending !== "headers-too-long";
  return failureOutcome(status, type, why, {
    "x-fal-served-from": jobId,
    ...(isTemporary && { "x-fal-needs-retry": "1" }),
  });
}
