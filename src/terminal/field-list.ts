import { columnsOf, type Output, printable, wrap } from "./text.ts";

/**
 * One thing after the other: its name, and what is known of it on as many lines as it needs. Undefined is left out. What has
 * no name of its own is a command to be copied, and stays on one line.
 */
export function writeFieldList(
  facts: readonly (readonly [string, string | undefined])[],
  output: Output,
): void {
  const width = Math.max(...facts.map(([name]) => columnsOf(name)));
  const room = (output.columns ?? 80) - width - 2;
  for (const [name, text] of facts) {
    if (text === undefined) continue;
    const lines = name === "" ? [printable(text)] : wrap(printable(text).split(" "), room);
    lines.forEach((line, nth) => {
      output.write(`${(nth === 0 ? name : "").padEnd(width)}  ${line}\n`);
    });
  }
}
