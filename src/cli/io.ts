import type { Output } from "../terminal/live.ts";

/** What a command sees of the world. */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin: AsyncIterable<string | Uint8Array>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Exit codes, for scripts. */
export const EXIT = {
  ok: 0,
  /** fal said no, or the result could not be had. */
  failed: 1,
  /** Wrong arguments or environment: nothing was sent. */
  usage: 2,
  /** It is not known whether the call was accepted: do not simply repeat it. */
  ambiguous: 3,
  /** `--timeout` passed. */
  timeout: 124,
  /** Ctrl-C. */
  interrupted: 130,
} as const;
