import { FalError } from "./fal-error.ts";

/** The key that was used may call models, but may not read the account's bill. */
export class AdminKeyRequiredError extends FalError {
  override readonly name = "AdminKeyRequiredError";
  readonly code = "admin_key_required";

  constructor(options: { cause?: unknown } = {}) {
    super(
      "What fal bills is for keys with the ADMIN scope, and this key has not got it. Make one in the fal dashboard " +
        "under Keys, and give it as FAL_KEY or createFal({ credentials }) where bills are read; calls do not need it.",
      options,
    );
  }
}
