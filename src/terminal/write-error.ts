import { isAbort } from "./exit-code.ts";
import { type Output, paint, printable } from "./text.ts";

/** Writes an error in one line. */
export function writeError(error: unknown, output: Output): void {
  const message = printable(error instanceof Error ? error.message : String(error));
  output.write(isAbort(error) ? "Interrupted.\n" : `${paint(output)("red", "error:")} ${message}\n`);
}
