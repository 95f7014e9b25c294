import { scaleLinear } from "d3-scale";
import { type Cost, formatUsd } from "../base/cost.ts";
import type { RunStep } from "../chain/steps.ts";
import { type Html, html } from "./html.ts";
import { shareBar } from "./share.ts";

const ROW = 26;
const AXIS = 22;

/** What a run did: its steps with what they took and cost, and when. */
export function runSection(name: string, steps: readonly RunStep[]): Html {
  const calls = steps.filter(({ kind }) => kind === "call");
  const total = calls.reduce((sum, step) => sum + costOf(step), 0);
  return html`<section>
    <h2>Run <code>${name}</code></h2>
    <div class="scroll"><table>
      <thead><tr><th>step</th><th class="end">cost</th><th class="end">share</th><th>endpoint</th><th>state</th>
        <th class="end">wait</th><th class="end">run</th><th class="end">billed</th></tr></thead>
      <tbody>${tree(steps).map((line) =>
        "scope" in line
          ? html`<tr class="scope"><td colspan="8"${indent(line.depth)}>${line.scope}</td></tr>`
          : row(line.step, line.depth, total),
      )}</tbody>
      <tfoot><tr><td>total</td><td class="end">${formatUsd(total)}</td><td></td><td colspan="5">${calls.length} calls</td></tr></tfoot>
    </table></div>
    ${timeline(calls, 960, "wide")}
    ${timeline(calls, 420, "narrow")}
    <ul class="legend"><li><i class="waiting"></i>waiting in the queue</li><li><i class="s0"></i>running</li>
      <li><i class="failing"></i>failed</li></ul>
  </section>`;
}

const indent = (depth: number): Html => html` style="padding-left:${depth * 1.2 + 0.6}rem"`;

type TreeLine = { depth: number; step: RunStep } | { depth: number; scope: string };

/** Each scope as a line of its own, above what is in it. */
function tree(steps: readonly RunStep[]): TreeLine[] {
  const lines: TreeLine[] = [];
  const sorted = [...steps].sort((a, b) => (a.scope < b.scope ? -1 : a.scope > b.scope ? 1 : 0));
  let open: readonly string[] = [];
  for (const step of sorted) {
    const scopes = step.scope === "" ? [] : step.scope.split("/").filter(Boolean);
    const same = scopes.findIndex((scope, n) => scope !== open[n]);
    for (const [depth, scope] of scopes.entries()) {
      if (same !== -1 && depth >= same) lines.push({ depth, scope });
    }
    open = scopes;
    lines.push({ depth: scopes.length, step });
  }
  return lines;
}

const costOf = ({ call }: RunStep): number =>
  call?.cost && call.cost.source !== "unknown" ? call.cost.nanoUsd : 0;

function row(step: RunStep, depth: number, total: number): Html {
  const { call, name, error, reused, replaced, kind } = step;
  const seconds = (value: number | undefined) => (value === undefined ? "" : `${value.toFixed(1)} s`);
  const state = call?.state ?? (error ? "failed" : kind === "file" ? "uploaded" : "done");
  const marks = [state, reused && "reused", replaced && "replaced", call?.unused].filter(Boolean).join(", ");
  const cost = call?.cost;
  const units = call?.usage?.units;
  return html`<tr><td${indent(depth)}>${name === call?.endpoint ? "" : name}</td>
    <td class="end">${cost && (cost.source === "unknown" ? "unknown" : formatUsd(cost.nanoUsd))}</td>
    <td class="end share">${shareBar(costOf(step), total)}</td><td><code>${call?.endpoint ?? kind}</code></td>
    <td>${marks}</td><td class="end">${seconds(call?.usage?.waitSeconds)}</td>
    <td class="end">${seconds(call?.usage?.runSeconds)}</td><td class="end">${units !== undefined && unitsText(units, call?.cost)}</td></tr>`;
}

function unitsText(units: number, cost: Cost | undefined): string {
  const unit = (cost && cost.source !== "unknown" && cost.unit) || "units";
  return `${Number(units.toPrecision(12))} ${units === 1 ? unit.replace(/s$/, "") : unit}`;
}

function timeline(calls: readonly RunStep[], width: number, name: "wide" | "narrow"): Html | undefined {
  const spans = calls.flatMap((step) => {
    const { call, runningAt } = step;
    const ended = step.endedAt ?? runningAt ?? call?.submittedAt;
    return call && ended !== undefined
      ? [{ step, from: call.intendedAt, running: runningAt, to: ended }]
      : [];
  });
  const start = Math.min(...spans.map(({ from }) => from));
  const end = Math.max(...spans.map(({ to }) => to));
  if (!(end > start)) return undefined;
  const left = width > 600 ? 220 : 12;
  const label = width > 600 ? 0 : 14;
  const height = spans.length * (ROW + label) + AXIS;
  const x = scaleLinear([0, (end - start) / 1000], [left, width - 24]);

  const ticks = x.ticks(width > 600 ? 8 : 4).map(
    (tick) => html`<g transform="translate(${x(tick)} 0)"><line y2="${height - AXIS}"></line>
      <text y="${height - 6}" class="middle">${tick} s</text></g>`,
  );
  const at = (time: number) => x((time - start) / 1000);
  const rows = spans.map(({ step, from, running, to }, n) => {
    const y = n * (ROW + label);
    const begin = Math.min(Math.max(running ?? to, from), to);
    const kind = step.error || step.call?.state === "failed" ? "failing" : "s0";
    const bar = (className: string, from: number, to: number) =>
      to > from &&
      html`<rect class="${className}" x="${at(from)}" y="${y + label + 5}" height="${ROW - 10}" width="${at(to) - at(from)}" rx="2"></rect>`;
    return html`<g><title>${step.name}: ${((to - from) / 1000).toFixed(1)} s</title>
      <text x="0" y="${y + (label || ROW / 2)}"${label ? "" : html` dy="0.35em"`}>${clipped(step.name)}</text>
      ${bar("waiting", from, begin)}${bar(kind, begin, to)}</g>`;
  });
  return html`<svg class="${name}" viewBox="0 0 ${width} ${height}" role="img" aria-label="When each call waited and ran">
    <g class="grid">${ticks}</g>${rows}</svg>`;
}

const clipped = (text: string): string => (text.length > 30 ? `${text.slice(0, 29)}…` : text);
