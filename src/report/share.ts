import { formatShare } from "../ledger/format.ts";
import { type Html, html } from "./html.ts";

/** How much of the whole it is: a bar and a number. */
export function shareBar(part: number, whole: number): Html | undefined {
  const text = formatShare(part, whole);
  if (text === "") return undefined;
  return html`<i style="width:${((part / whole) * 100).toFixed(1)}%"></i>${text}`;
}
