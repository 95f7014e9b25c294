import type { Io } from "../cli.ts";

const MOST_LINES = 500;

/** Whether what is shown is a screen that is drawn anew, not lines below each other. */
export const isScreen = ({ stdout, env }: Io): boolean => stdout.isTTY === true && env["TERM"] !== "dumb";

/** What was told, the latest of it; and from now on also to whoever follows. */
export interface Told {
  tell(line: string): void;
  readonly lines: readonly string[];
  follow(listener: (line: string) => void): void;
}

export function createTold(): Told {
  const lines: string[] = [];
  let listener: ((line: string) => void) | undefined;
  return {
    lines,
    tell(line) {
      lines.push(line);
      if (lines.length > MOST_LINES) lines.shift();
      listener?.(line);
    },
    follow(next) {
      for (const line of lines) next(line);
      listener = next;
    },
  };
}
