import type { ModelFailure, ModelRun } from "../model/model.ts";
import { exactJson } from "./exact-json.ts";
import type { GivenUp, Outcome } from "./job.ts";

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

/** Given up by whoever had sent it. */
export const cancelledOutcome = (how: GivenUp): Outcome =>
  how === "client_cancelled"
    ? failureOutcome(499, how, "Request cancelled by the client.")
    : failureOutcome(499, how, "The client closed the connection before the response was sent.");

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

/** Bytes as an outcome holds them. */
export function contentOf(bytes: Uint8Array): Pick<Outcome, "body" | "encoding"> {
  try {
    return { body: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { body: Buffer.from(bytes).toString("base64"), encoding: "base64" };
  }
}

/** What to answer with. */
export const contentIn = ({ body, encoding }: Pick<Outcome, "body" | "encoding">): BodyInit =>
  encoding ? new Uint8Array(Buffer.from(body, encoding)) : body;

/** Undefined where it is no JSON. */
export function jsonOfBody({ body, encoding }: Pick<Outcome, "body" | "encoding">): unknown {
  if (encoding) return undefined;
  try {
    return exactJson(body);
  } catch {
    return undefined;
  }
}
