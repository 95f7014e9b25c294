import type { FalErrorCode } from "../errors/codes.ts";
import { FalError } from "../errors/fal-error.ts";

/** Exit codes, for scripts. */
export const EXIT = {
  ok: 0,
  /** fal said no, or the result could not be had. */
  failed: 1,
  /** Wrong arguments or environment: nothing was sent. */
  usage: 2,
  /** It is not known whether a call was accepted: do not simply repeat it. */
  ambiguous: 3,
  /** A call's timeout passed. */
  timeout: 124,
  /** Ctrl-C or SIGTERM. */
  interrupted: 130,
} as const;

const CODES: Readonly<Partial<Record<FalErrorCode, number>>> = {
  missing_variable: EXIT.usage,
  invalid_variable: EXIT.usage,
  invalid_argument: EXIT.usage,
  input_mismatch: EXIT.usage,
  cannot_listen: EXIT.usage,
  ambiguous_submit: EXIT.ambiguous,
  run_blocked: EXIT.ambiguous,
  timeout: EXIT.timeout,
};

/** The exit code that says which kind of failure it was. */
export function exitCodeOf(error: unknown): number {
  if (isAbort(error)) return EXIT.interrupted;
  return (error instanceof FalError ? CODES[error.code] : undefined) ?? EXIT.failed;
}

export const isAbort = (error: unknown): boolean => error instanceof Error && error.name === "AbortError";
