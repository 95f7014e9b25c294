import { scaleLinear } from "d3-scale";
import type { RunPart } from "../chain/parts.ts";
import type { RunStep } from "../chain/steps.ts";
import { type TreeLine, treeLines } from "../chain/tree.ts";
import type { CallRecord } from "../journal/call.ts";
import { formatDuration, formatUnitsShort } from "../ledger/format.ts";
import { sumOfCalls } from "../ledger/sum.ts";
import { formatUsd } from "../money/cost.ts";
import { type Html, html } from "./html.ts";
import { shareBar } from "./share.ts";
import { type Axis, timeAxis } from "./time-axis.ts";

const ROW = 26;
const AXIS = 22;
/** More than anybody reads; what is left out is said. */
const MOST_LINES = 500;

/** What a run did: its steps with what they took and cost, and when. */
export function runSection(parts: readonly RunPart[]): Html {
  const steps = parts.flatMap(({ steps }) => steps);
  const calls = steps.flatMap(({ call }) => call ?? []);
  const total = sumOfCalls(calls);
  const lines = treeLines(parts);
  const drawn = steps.filter(({ call }) => call).slice(0, MOST_LINES);
  return html`<section>
    <h2>Run <code>${parts[0]?.run}</code></h2>
    <div class="scroll"><table>
      <thead><tr><th>step</th><th class="end">cost</th><th class="end">share</th><th>endpoint</th><th>state</th>
        <th class="end">wait</th><th class="end">run</th><th class="end">billed</th></tr></thead>
      <tbody>${lines.slice(0, MOST_LINES).map((line) => (line.step ? row(line, line.step, total.nanoUsd) : group(line, total.nanoUsd)))}</tbody>
      <tfoot><tr><td>total</td><td class="end">${formatUsd(total.nanoUsd)}</td><td></td>
        <td colspan="5">${calls.length} calls${total.unknown > 0 && html`, ${total.unknown} of unknown cost`}</td></tr></tfoot>
    </table></div>
    ${lines.length > MOST_LINES && html`<p class="note">and ${lines.length - MOST_LINES} more lines</p>`}
    ${timeline(drawn, 960, "wide")}
    ${timeline(drawn, 420, "narrow")}
    <ul class="legend"><li><i class="waiting"></i>waiting in the queue</li><li><i class="s0"></i>running</li>
      <li><i class="failing"></i>failed</li></ul>
  </section>`;
}

const indent = (depth: number): Html => html` style="padding-left:${depth * 1.2 + 0.6}rem"`;

/** A scope or a run, with the sum of what is in it. */
function group({ depth, group, calls }: TreeLine, total: number): Html {
  const { nanoUsd } = sumOfCalls(calls);
  return html`<tr class="scope"><td${indent(depth)}>${group}</td><td class="end">${formatUsd(nanoUsd)}</td>
    <td class="end share">${shareBar(nanoUsd, total)}</td><td colspan="5"></td></tr>`;
}

function row({ depth, calls }: TreeLine, step: RunStep, total: number): Html {
  const { call, name, error, reused, replaced, kind } = step;
  const seconds = (value: number | undefined) => (value === undefined ? "" : `${value.toFixed(1)} s`);
  const state = call?.state ?? (error ? "failed" : kind === "file" ? "uploaded" : "done");
  const marks = [state, reused && "reused", replaced && "replaced", call?.unused].filter(Boolean).join(", ");
  const units = call?.usage?.units;
  return html`<tr><td${indent(depth)}>${name === call?.endpoint ? "" : name}</td>
    <td class="end">${call && costText(call)}</td>
    <td class="end share">${shareBar(sumOfCalls(calls).nanoUsd, total)}</td><td><code>${call?.endpoint ?? kind}</code></td>
    <td>${marks}</td><td class="end">${seconds(call?.usage?.waitSeconds)}</td>
    <td class="end">${seconds(call?.usage?.runSeconds)}</td><td class="end">${units !== undefined && formatUnitsShort(units, call?.cost)}</td></tr>`;
}

function costText({ cost, error }: CallRecord): string {
  if (cost && cost.source !== "unknown") return formatUsd(cost.nanoUsd);
  return error?.billed === false ? "not billed" : "unknown";
}

function timeline(calls: readonly RunStep[], width: number, name: "wide" | "narrow"): Html | undefined {
  const spans = calls.flatMap((step) => {
    const { call, runningAt } = step;
    const ended = step.endedAt ?? runningAt ?? call?.submittedAt;
    return call && ended !== undefined
      ? [{ step, from: call.intendedAt, running: runningAt, to: ended }]
      : [];
  });
  const left = width > 600 ? 220 : 12;
  const room = width - 24 - left;
  // A pixel a column, and pauses in which nothing happened left out.
  const axis = timeAxis(spans, room);
  if (axis.shownMs === 0) return undefined;
  const label = width > 600 ? 0 : 14;
  const height = spans.length * (ROW + label) + AXIS;
  const x = scaleLinear([0, axis.shownMs / 1000], [left, left + room]);

  const ticks = x.ticks(width > 600 ? 8 : 4).map(
    (tick) => html`<g transform="translate(${x(tick)} 0)"><line y2="${height - AXIS}"></line>
      <text y="${height - 6}" class="middle">${tick < 120 ? `${tick} s` : formatDuration(tick)}</text></g>`,
  );
  const rows = spans.map(({ step, from, running, to }, n) => {
    const y = n * (ROW + label);
    const begin = Math.min(Math.max(running ?? to, from), to);
    const kind = step.error || step.call?.state === "failed" ? "failing" : "s0";
    const bar = (className: string, from: number, to: number) => {
      const { start, end } = axis.columns({ from, to });
      return (
        to > from &&
        html`<rect class="${className}" x="${left + start}" y="${y + label + 5}" height="${ROW - 10}" width="${end - start}" rx="2"></rect>`
      );
    };
    return html`<g><title>${step.name}: ${((to - from) / 1000).toFixed(1)} s</title>
      <text x="0" y="${y + (label || ROW / 2)}"${label ? "" : html` dy="0.35em"`}>${clipped(step.name)}</text>
      ${bar("waiting", from, begin)}${bar(kind, begin, to)}</g>`;
  });
  return html`<svg class="${name}" viewBox="0 0 ${width} ${height}" role="img" aria-label="When each call waited and ran">
    <g class="grid">${ticks}${cuts(axis, left, height - AXIS)}</g>${rows}</svg>`;
}

/** Where time was left out. */
const cuts = ({ cuts }: Axis, left: number, height: number): Html[] =>
  cuts.map(
    ({ column, ms }) =>
      html`<g transform="translate(${left + column} 0)"><title>${formatDuration(ms / 1000)} in which nothing happened</title>
        <line class="cut" y2="${height}"></line></g>`,
  );

const clipped = (text: string): string => (text.length > 30 ? `${text.slice(0, 29)}…` : text);
