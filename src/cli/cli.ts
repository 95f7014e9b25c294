import type { Output } from "../terminal/text.ts";

/** What a command sees of the world. */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin: AsyncIterable<string | Uint8Array>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The current directory. */
  cwd(): string;
}

/** One use of the command: the command that runs leaves its exit code here. */
export interface Cli {
  readonly io: Io;
  exitCode: number;
}
