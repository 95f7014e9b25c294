/** Something about a project that fal would refuse, or that would not work there. */
export interface Finding {
  /** A warning can be meant so. */
  readonly level: "error" | "warning";
  readonly file: string;
  /** Counted from 1. Undefined where it is about the whole file. */
  readonly line?: number | undefined;
  /** What is wrong, and what helps. */
  readonly text: string;
}

/** Makes findings about one file. */
export const findingsOf = (file: string) => ({
  error: (text: string, line?: number): Finding => ({ level: "error", file, line, text }),
  warning: (text: string, line?: number): Finding => ({ level: "warning", file, line, text }),
});
