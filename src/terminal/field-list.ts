import { columnsOf, type Output, printable, wrap } from "./text.ts";

/** One thing after the other: its name, and what is known of it on as many lines as it needs. Undefined is left out. */
export function writeFieldList(
  facts: readonly (readonly [string, string | undefined])[],
  output: Output,
): void {
  const width = Math.max(...facts.map(([name]) => columnsOf(name)));
  const room = (output.columns ?? 80) - width - 2;
  for (const [name, text] of facts) {
    if (text === undefined) continue;
    wrap(printable(text).split(" "), room).forEach((line, nth) => {
      output.write(`${(nth === 0 ? name : "").padEnd(width)}  ${line}\n`);
    });
  }
}
