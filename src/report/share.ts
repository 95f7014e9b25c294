import { type Html, html } from "./html.ts";

/** How much of the whole it is: a bar and a number. */
export function shareBar(part: number, whole: number): Html | undefined {
  if (part <= 0 || whole <= 0) return undefined;
  const percent = (part / whole) * 100;
  if (percent < 0.5) return html`&lt; 1 %`;
  return html`<i style="width:${percent.toFixed(1)}%"></i>${percent.toFixed(0)} %`;
}
