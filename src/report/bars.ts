import { scaleBand, scaleLinear } from "d3-scale";
import { stack } from "d3-shape";
import type { CostRow } from "../ledger/costs.ts";
import { formatUsd } from "../money/cost.ts";
import { type Html, html } from "./html.ts";

/** More than this many series cannot be told apart; the rest is one. */
const MOST_SERIES = 6;
const OTHERS = "others";
const HEIGHT = 240;
const TOP = 12;
const BOTTOM = 26;
const LEFT = 64;

/** What is drawn: money by time, and what it was for. */
interface Spending {
  readonly times: readonly string[];
  readonly series: readonly string[];
  at(time: string, series: string): number;
}

/**
 * Money over time as stacked bars, one colour for each value of a key, in two widths of which the page shows the one
 * that it has room for.
 */
export function bars(rows: readonly CostRow[], time: "day" | "hour", key: string): Html {
  const spending = spendingOf(rows, time, key);
  const legend = spending.series.map(
    (name, n) => html`<li><i class="s${colour(spending, n)}"></i>${name}</li>`,
  );
  return html`<figure>
    <ul class="legend">${legend}</ul>
    ${chart(spending, 960, "wide")}
    ${chart(spending, 420, "narrow")}
  </figure>`;
}

function spendingOf(rows: readonly CostRow[], time: "day" | "hour", key: string): Spending {
  const totals = new Map<string, number>();
  for (const row of rows) {
    const name = row.key[key] ?? "none";
    totals.set(name, (totals.get(name) ?? 0) + row.nanoUsd);
  }
  const byCost = [...totals].sort(([, a], [, b]) => b - a).map(([name]) => name);
  const own = new Set(byCost.slice(0, byCost.length > MOST_SERIES + 1 ? MOST_SERIES : byCost.length));
  const series = own.size < byCost.length ? [...own, OTHERS] : [...own];

  const money = new Map<string, number>();
  for (const row of rows) {
    const name = row.key[key] ?? "none";
    const cell = JSON.stringify([row.key[time], own.has(name) ? name : OTHERS]);
    money.set(cell, (money.get(cell) ?? 0) + row.nanoUsd);
  }
  const times = everyTime(
    rows.map((row) => row.key[time] ?? ""),
    time,
  );
  return { times, series, at: (time, name) => money.get(JSON.stringify([time, name])) ?? 0 };
}

const STEP_MS = { day: 86_400_000, hour: 3_600_000 };

/** Times without calls are times too. */
function everyTime(found: readonly string[], time: "day" | "hour"): string[] {
  const [first = ""] = found;
  const last = found.at(-1) ?? first;
  const length = time === "day" ? 10 : 16;
  const times: string[] = [];
  for (let at = Date.parse(first); at <= Date.parse(last); at += STEP_MS[time]) {
    times.push(`${new Date(at).toISOString().slice(0, length)}${time === "hour" ? "Z" : ""}`);
  }
  return times;
}

function chart(spending: Spending, width: number, name: "wide" | "narrow"): Html {
  const { times, series, at } = spending;
  const layers = stack<string>()
    .keys(series)
    .value((time, name) => at(time, name))(times);
  const most = Math.max(1, ...layers.flatMap((layer) => layer.map(([, top]) => top)));
  const x = scaleBand(times, [LEFT, width]).paddingInner(0.2).paddingOuter(0.1);
  const y = scaleLinear([0, most], [HEIGHT - BOTTOM, TOP]).nice(4);

  const grid = y.ticks(4).map(
    (tick) => html`<g transform="translate(0 ${y(tick)})"><line x1="${LEFT}" x2="${width}"></line>
      <text x="${LEFT - 8}" dy="0.35em" class="end">${formatUsd(Math.round(tick))}</text></g>`,
  );
  const drawn = layers.map(
    (layer, n) =>
      html`<g class="s${colour(spending, n)}">${layer.map(([from, to], nth) => {
        const time = times[nth] ?? "";
        return (
          to > from &&
          html`<rect x="${x(time)}" y="${y(to)}" width="${x.bandwidth()}" height="${y(from) - y(to)}"><title>${time}, ${
            layer.key
          }: ${formatUsd(to - from)}</title></rect>`
        );
      })}</g>`,
  );
  const every = Math.ceil(times.length / (width / 110));
  const labels = times.map((time, n) => {
    const middle = (x(time) ?? 0) + x.bandwidth() / 2;
    const isAtEdge = middle > width - 45;
    return (
      n % every === 0 &&
      html`<text x="${isAtEdge ? width : middle}" y="${HEIGHT - 8}" class="${isAtEdge ? "end" : "middle"}">${shortTime(time)}</text>`
    );
  });
  const described = `Money by time: ${series.join(", ")}`;
  return html`<svg class="${name}" viewBox="0 0 ${width} ${HEIGHT}" role="img" aria-label="${described}">
    <g class="grid">${grid}</g>${drawn}<g>${labels}</g></svg>`;
}

const colour = ({ series }: Spending, nth: number): string =>
  series[nth] === OTHERS ? "-others" : String(nth);

/** `11-24`, or `11-24 12:00`. */
const shortTime = (time: string): string => time.slice(5).replace("T", " ").replace("Z", "");
