import { EnvironmentError } from "../errors/environment.ts";

/** What to do without a key, for someone at a terminal. */
export const KEY_CURE =
  "Set it to a key from fal.ai/dashboard/keys: export FAL_KEY=key_id:key_secret. To try without one, use the emulator: " +
  "fal-chain emulate -- fal-chain call …";

/** The library says what a program can do about a missing key; someone at a terminal can do other things. */
export const withKeyCure = (error: unknown): unknown =>
  error instanceof EnvironmentError && error.variable === "FAL_KEY" && error.code === "missing_variable"
    ? new EnvironmentError(error.code, error.variable, "is not set", KEY_CURE)
    : error;
