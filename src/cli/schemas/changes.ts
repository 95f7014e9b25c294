import type { Change } from "../../schemas/changes.ts";
import { type Output, paint, printable } from "../../terminal/index.ts";

/** The changes of an endpoint, those that break first. */
export function writeChanges(id: string, changes: readonly Change[], output: Output): void {
  if (changes.length === 0) return;
  const colour = paint(output);
  output.write(`${printable(id)}\n`);
  for (const { at, what, breaks } of [...changes].sort((a, b) => Number(b.breaks) - Number(a.breaks))) {
    const label = breaks ? colour("red", "breaks ") : colour("dim", "changes");
    output.write(`  ${label}  ${printable(`${at} ${what}`)}\n`);
  }
}
