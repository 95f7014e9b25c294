import Table from "cli-table3";
import { type Cost, formatUsd, type Total } from "../ledger/cost.ts";
import { type CallProgress, seconds } from "./progress.ts";

/** Rules above and below, nothing between the columns: it fits into 80 of them. */
const CHARS = {
  ...Object.fromEntries(
    ["top-left", "top-right", "bottom-left", "bottom-right", "left", "left-mid", "mid-mid"].map((name) => [
      name,
      "",
    ]),
  ),
  "right-mid": "",
  right: "",
  middle: "",
  "top-mid": "─",
  "bottom-mid": "─",
  top: "─",
  bottom: "─",
  mid: "",
};

/** What each call was, how long it waited and ran, what it cost, and the tags that it was sent with. */
export function callTable(calls: Iterable<CallProgress>, total: Total | undefined): string {
  const table = new Table({
    head: ["step", "endpoint", "wait", "run", "billed", "cost"],
    chars: CHARS,
    style: { head: ["bold"], border: [], compact: true, "padding-left": 0, "padding-right": 2 },
    colAligns: ["left", "left", "right", "right", "left", "right"],
  });
  for (const call of calls) {
    table.push([
      call.step,
      call.endpoint,
      call.waitSeconds === undefined ? "–" : seconds(call.waitSeconds),
      call.runSeconds === undefined ? "–" : seconds(call.runSeconds),
      billed(call),
      call.state === "done" ? cost(call.cost) : call.state,
    ]);
    const tags = Object.entries(call.tags).map(([key, value]) => `${key}=${value}`);
    table.push([{ colSpan: 6, content: `  request ${call.requestId ?? "–"}` }]);
    table.push([{ colSpan: 6, content: `  tags    ${tags.join(" ") || "–"}` }]);
  }
  if (total) table.push([{ colSpan: 5, content: "total" }, describeTotal(total)]);
  return table.toString();
}

const billed = ({ units, cost }: CallProgress): string =>
  units === undefined ? "–" : cost?.source === "measured" ? `${units} ${cost.unit}` : `${units} units`;

const REASONS = { no_units: "units unknown", no_price: "price unknown", failed: "may be billed" };
const cost = (cost: Cost | undefined): string =>
  cost === undefined ? "–" : cost.source === "measured" ? formatUsd(cost.nanoUsd) : REASONS[cost.reason];

export const describeTotal = ({ nanoUsd, unknown }: Total): string =>
  unknown === 0 ? formatUsd(nanoUsd) : `${formatUsd(nanoUsd)} + ${unknown} unknown`;
