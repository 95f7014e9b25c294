import type { ModelFailure, ModelRun } from "../model/model.ts";
import type { Outcome } from "./job.ts";

/** The platform's own failures: the infrastructure form, never billed. */
export const failureOutcome = (
  status: number,
  errorType: string,
  detail: string,
  headers: Record<string, string> = {},
): Outcome => ({
  status,
  body: JSON.stringify({ detail, error_type: errorType }),
  billableUnits: 0,
  headers: { "x-fal-error-type": errorType, ...headers },
  failure: { error: detail, errorType },
});

/**
 * A model's refusal. Which `error_type` the status shows for it is not documented; the type of the first entry is
 * the most telling. fal may bill a 422 that cost GPU time first; a stand-in never does.
 */
export const refusalOutcome = ({ status, detail, message }: ModelFailure): Outcome => ({
  status,
  body: JSON.stringify({ detail }),
  billableUnits: 0,
  failure: { error: message, errorType: detail[0]?.type ?? "value_error" },
});

export const successOutcome = ({ output, units, headers }: ModelRun): Outcome => ({
  status: 200,
  body: JSON.stringify(output) ?? "null",
  billableUnits: units,
  ...(headers && { headers }),
});
