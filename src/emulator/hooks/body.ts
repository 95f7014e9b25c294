import type { Job, Outcome } from "../job.ts";
import { jsonOfBody } from "../outcomes.ts";

export interface HookBody {
  readonly request_id: string;
  readonly gateway_request_id: string;
  readonly status: "OK" | "ERROR";
  readonly error?: string;
  readonly payload: unknown;
  readonly payload_error?: string;
}

/** What a webhook says, in fal's words; `unreadable` as if the model had made something else than JSON. */
export function hookBody({ requestId }: Job, outcome: Outcome, unreadable: boolean): HookBody {
  const { status } = outcome;
  const payload = unreadable ? undefined : jsonOfBody(outcome);
  const failed = status >= 400;
  const ids = { request_id: requestId, gateway_request_id: requestId };
  const result = {
    status: failed ? ("ERROR" as const) : ("OK" as const),
    ...(failed && { error: `Invalid status code: ${status}` }),
  };
  return payload === undefined
    ? { ...ids, ...result, payload: null, payload_error: "The payload is not valid JSON" }
    : { ...ids, ...result, payload };
}
