import { restoredError, revived } from "../calls/saved-error.ts";
import type { FalError } from "../errors/fal-error.ts";
import { FileExpiredError } from "../errors/files.ts";
import {
  RunBlockedError,
  RunDivergedError,
  RunInputMismatchError,
  StepInputChangedError,
} from "../errors/runs.ts";
import type { SavedError } from "../errors/saved-error.ts";

const CLASSES: Readonly<Record<string, { readonly prototype: FalError }>> = {
  file_expired: FileExpiredError,
  run_blocked: RunBlockedError,
  run_diverged: RunDivergedError,
  run_input_mismatch: RunInputMismatchError,
  step_input_changed: StepInputChangedError,
};

/** An error that a call, a step or a run ended with, of the same class and with the same facts as before. */
export function restoredRunError(saved: SavedError): Error {
  const known = CLASSES[saved.code];
  return known ? revived(saved, known) : restoredError(saved);
}
