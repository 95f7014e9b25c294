import type { RunPart } from "../chain/parts.ts";
import type { CostRow, Costs } from "../ledger/costs.ts";
import { formatDuration, formatSum } from "../ledger/format.ts";
import type { CostSum } from "../ledger/sum.ts";
import { formatUsd } from "../money/cost.ts";
import { bars } from "./bars.ts";
import { type Html, html } from "./html.ts";
import { runSection } from "./run.ts";
import { shareBar } from "./share.ts";
import { STYLE } from "./style.ts";

export { dollarsOf, periodText } from "../ledger/invoice.ts";
export { invoicePage } from "./invoice.ts";

/** Money over time, by what is in `key` beside the day or the hour. */
export interface OverTime {
  readonly title: string;
  readonly time: "day" | "hour";
  readonly key: string;
  readonly rows: readonly CostRow[];
}

export interface ReportData {
  /** Which calls the page is about. */
  readonly source: string;
  /** In milliseconds since the epoch. */
  readonly madeAt: number;
  readonly by: readonly string[];
  readonly costs: Costs;
  readonly overTime: readonly OverTime[];
  /** A run and the runs that it is made of. */
  readonly run: readonly RunPart[] | undefined;
}

/** A page that needs nothing beside itself: no script, no font, no request. */
export function reportPage({ source, madeAt, by, costs, overTime, run }: ReportData): string {
  const { total, rows } = costs;
  const made = new Date(madeAt).toISOString().slice(0, 16).replace("T", " ");
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>What calls cost</title><style>${STYLE}</style></head><body>
<header><h1>What calls cost</h1><p>${source} · ${made} UTC · days are UTC’s, sums are of known costs</p></header>
${cards(total)}
${overTime.map(({ title, time, key, rows }) => html`<section><h2>${title}</h2>${bars(rows, time, key)}</section>`)}
<section><h2>By ${by.join(", ")}</h2>${table(rows, total, by)}</section>
${run && runSection(run)}
</body></html>
`.text;
}

function cards(total: CostSum): Html {
  const { bySource, unknown, waste, reuse } = total;
  const parts = Object.entries(bySource).filter(([, nanoUsd]) => nanoUsd > 0);
  const card = (name: string, value: string | number, note = "") =>
    html`<div><dt>${name}</dt><dd>${value}${note && html`<small>${note}</small>`}</dd></div>`;
  const certainty = parts.map(([source, nanoUsd]) =>
    parts.length === 1 ? source : `${formatUsd(nanoUsd)} ${source}`,
  );
  return html`<dl class="cards">
    ${card("Cost", formatUsd(total.nanoUsd), certainty.join(", "))}
    ${card("Calls", total.calls, unknown > 0 ? `${unknown} of unknown cost` : "")}
    ${card("In the models", formatDuration(total.runSeconds), `${formatDuration(total.waitSeconds)} in the queue`)}
    ${card("Runners waited", formatDuration(total.runnerSeconds))}
    ${card("Wasted", formatUsd(waste.nanoUsd), waste.doubtful > 0 ? `${waste.doubtful} calls doubtful` : "")}
    ${card("Saved by reuse", formatUsd(reuse.savedNanoUsd), reuse.times > 0 ? `${reuse.times} results` : "")}
  </dl>`;
}

/** More rows than anybody reads; what is left out is said. */
const MOST_ROWS = 200;

function table(rows: readonly CostRow[], total: CostSum, by: readonly string[]): Html {
  const shown = rows.slice(0, MOST_ROWS);
  const cells = (sum: CostSum) => html`<td class="end">${formatSum(sum)}</td>
    <td class="end share">${shareBar(sum.nanoUsd, total.nanoUsd)}</td><td class="end">${sum.calls}</td>
    ${total.unknown > 0 && html`<td class="end">${sum.unknown || ""}</td>`}<td class="end">${formatDuration(sum.runSeconds)}</td>`;
  return html`<div class="scroll"><table><thead><tr>${by.map((name) => html`<th>${name}</th>`)}<th class="end">cost</th>
    <th class="end">share</th><th class="end">calls</th>${total.unknown > 0 && html`<th class="end">unknown</th>`}<th class="end">run</th></tr></thead>
    <tbody>${shown.map((row) => html`<tr>${by.map((name) => html`<td>${row.key[name] ?? "none"}</td>`)}${cells(row)}</tr>`)}</tbody>
    <tfoot><tr><td colspan="${by.length}">total</td>${cells(total)}</tr></tfoot></table></div>
    ${rows.length > shown.length && html`<p class="note">and ${rows.length - shown.length} more</p>`}`;
}
