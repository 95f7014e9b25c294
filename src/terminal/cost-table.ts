import type { Costs } from "../ledger/costs.ts";
import { formatDuration, formatShare } from "../ledger/format.ts";
import type { Amount, CostSum, UnknownReason } from "../ledger/sum.ts";
import { drawTable, type TableColumn } from "./draw-table.ts";
import { clip, type Output, printable, wrap } from "./text.ts";

export interface CostTableOptions {
  readonly output: Output;
  /** What the rows are grouped by. */
  readonly by: readonly string[];
  /** What was paid for nothing, in place of how long things took. */
  readonly waste?: boolean | undefined;
}

interface Line {
  readonly names: readonly string[];
  readonly sum: CostSum;
}

/** A long name must not take the money its room. */
const LONGEST_NAME = 48;

/** As exact as it is kept, however much it is. */
const money =
  (amount: Amount) =>
  ({ usd }: CostSum): string =>
    usd[amount] === "0.00" ? "" : dollars(usd[amount]);
const dollars = (usd: string): string => (usd.startsWith("-") ? `-$${usd.slice(1)}` : `$${usd}`);
const time = (seconds: number): string => (seconds === 0 ? "" : formatDuration(seconds));
const count = (number: number): string => (number === 0 ? "" : String(number));

const right = (name: string, cell: (sum: CostSum) => string, spare = 0): TableColumn<Line> => ({
  name,
  align: "right",
  cell: ({ sum }) => cell(sum),
  spare,
});

const MONEY = [
  right("calls", ({ calls }) => String(calls), 1),
  right("cost", (sum) => (sum.calls > 0 && sum.unknown === sum.calls ? "unknown" : dollars(sum.usd.total))),
  right("unknown", ({ unknown }) => count(unknown)),
];
/** The rest of the cost is measured. */
const DETAILS = [
  right("estimated", money("estimated"), 3),
  right("corrected", money("corrections"), 2),
  right("invoiced", money("invoiced"), 2),
  right("wait", ({ waitSeconds }) => time(waitSeconds), 5),
  right("run", ({ runSeconds }) => time(runSeconds), 4),
  right("runner", ({ runnerSeconds }) => time(runnerSeconds), 6),
];
const WASTE = [
  right("wasted", money("wasted")),
  right("failed", money("failed"), 4),
  right("unused", money("unused"), 4),
  right("doubtful", ({ waste }) => count(waste.doubtful), 2),
  right("reused", ({ reuse }) => count(reuse.times), 3),
  right("saved", money("saved"), 2),
];

/** What calls cost, one group a line, with the total; and why it is not known what some of them cost. */
export function costTable(
  { rows, total, closed, currency }: Costs,
  { output, by, waste = false }: CostTableOptions,
): string {
  const names = by.map(
    (name, nth): TableColumn<Line> => ({
      name: printable(name, LONGEST_NAME),
      align: "left",
      cell: (line) => line.names[nth] ?? "",
    }),
  );
  const lines = rows.map(
    (row): Line => ({
      names: by.map((name) => clip(printable(row.key[name] ?? "none", 1_000), LONGEST_NAME)),
      sum: row,
    }),
  );
  const share = right("share", ({ nanoUsd }) => formatShare(nanoUsd, total.nanoUsd), 2);
  const other = currency ? [right(printable(currency.code), ({ converted = "" }) => converted)] : [];
  const table = drawTable(
    lines,
    [...names, ...MONEY, ...other, share, ...(waste ? WASTE : DETAILS)],
    output,
    {
      foot: { names: ["total"], sum: total },
    },
  );
  return [
    table,
    ...unknownNote(total, output),
    ...closedNote(closed, total, output),
    ...rateNote(currency, output),
  ].join("\n");
}

/** Whose word the other currency rests on. */
function rateNote(currency: Costs["currency"], output: Output): string[] {
  if (!currency) return [];
  const { code, perUsd, on } = currency;
  const text = `${code} at ${perUsd} for a US dollar, the rate of ${on} that was given. What is paid and summed is in USD.`;
  return wrap(text.split(" "), output.columns ?? 80);
}

/** Which of the months are closed, and what of the sum corrects such ones. */
function closedNote(closed: Costs["closed"], { corrections, usd }: CostSum, output: Output): string[] {
  const months = closed.map(({ month }) => month).join(", ");
  const said = [
    ...(months ? [`Closed: ${months}.`] : []),
    ...(corrections.count > 0
      ? [
          `${dollars(usd.corrections)} of it ${corrections.count === 1 ? "is a correction" : "are corrections"} of closed months.`,
        ]
      : []),
  ];
  return said.length === 0 ? [] : wrap(said.join(" ").split(" "), output.columns ?? 80);
}

/** Why it is not known what some calls cost; no line where it is known of all. */
export const unknownNote = (total: CostSum, output: Output): string[] =>
  total.unknown === 0 ? [] : wrap(whyUnknown(total).split(" "), output.columns ?? 80);

const REASONS: Record<UnknownReason, string> = {
  no_units: "fal did not say how much it bills",
  no_price: "there was no price",
  failed: "failed or given up, may be billed",
  ambiguous: "may have been accepted",
  "under-way": "under way",
  pending: "price not looked up yet",
  implausible: "said to cost what no request costs",
};

function whyUnknown({ unknown, unknownBecause }: CostSum): string {
  const reasons = Object.entries(unknownBecause) as [UnknownReason, number][];
  const said = reasons.map(([reason, calls]) => `${calls} ${REASONS[reason]}`).join("; ");
  return `The cost of ${unknown} ${unknown === 1 ? "call" : "calls"} is not known: ${said}.`;
}
