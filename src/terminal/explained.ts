import type { CallRecord } from "../journal/call.ts";
import type { Correction } from "../journal/months.ts";
import { type Explanation, explained } from "../ledger/explain.ts";
import { formatUnits, formatUnitsShort } from "../ledger/format.ts";
import { type CostSum, sumOfCalls } from "../ledger/sum.ts";
import { formatUsd } from "../money/cost.ts";
import { unknownNote } from "./cost-table.ts";
import { drawTable, type TableColumn } from "./draw-table.ts";
import { writeFieldList } from "./field-list.ts";
import { timeText, totalText } from "./figures.ts";
import { clip, nameText, type Output, paint, printable, wrap } from "./text.ts";

/** How each of these calls came to its cost, in their order, and what all of them cost. */
export const explainCalls = (
  calls: readonly CallRecord[],
  corrections: readonly Correction[],
): { all: Explanation[]; total: CostSum } => ({
  all: calls.map((call) => explained(call, corrections)),
  total: sumOfCalls(calls),
});

/** How a call came to its cost, one step a line. */
export function writeExplanation(one: Explanation, output: Output): void {
  const { window, unitPrice, discountNanoUsd, measuredNanoUsd, differs, unknown } = one;
  writeFieldList(
    [
      ["call", one.callId],
      ["endpoint", one.endpoint],
      ["run", one.run === undefined ? undefined : [one.run, one.step].filter(Boolean).join(", step ")],
      ["state", one.state],
      ["window", `${timeText(window.at)} UTC, of the bill of ${window.month}`],
      ["input", inputText(one)],
      ["units", unitsText(one)],
      ["price", unitPrice.chargedNanoUsd === undefined ? undefined : priceText(one)],
      ["measured", measuredNanoUsd === undefined || one.reuseOf ? undefined : formatUsd(measuredNanoUsd)],
      ["discount", discountNanoUsd > 0 ? formatUsd(discountNanoUsd) : undefined],
      ["invoice", invoiceText(one)],
      ["given", givenText(one)],
      ["cost", costOf(one)],
      ["corrected", correctedText(one)],
      ["unknown", unknown?.why],
      ["differs", differs.length > 0 ? differs.join(" ") : undefined],
    ],
    output,
  );
}

function inputText({ input }: Explanation): string {
  if (!input) return "the store does not have it";
  const fields = Object.entries(input).map(([name, value]) => `${name}=${value}`);
  return fields.length > 0 ? fields.join(", ") : "no numbers, choices or switches";
}

const asCost = ({ units }: Explanation) =>
  units.unit === undefined ? undefined : ({ source: "measured", nanoUsd: 0, unit: units.unit } as const);

function unitsText(one: Explanation): string | undefined {
  const { said, charged } = one.units;
  const units = charged ?? said;
  if (units === undefined || one.reuseOf) return undefined;
  const text = formatUnits(units, asCost(one));
  return charged !== undefined && said !== undefined && said !== charged
    ? `${text}; the result said ${formatUnits(said, asCost(one))}`
    : text;
}

function priceText(one: Explanation): string {
  const { chargedNanoUsd = 0, readAt } = one.unitPrice;
  const when = readAt === undefined ? "" : `, read ${timeText(readAt)} UTC`;
  return `${formatUsd(chargedNanoUsd)} per ${formatUnits(1, asCost(one)).replace(/^1 /, "")}${when}`;
}

function invoiceText({ invoicedNanoUsd, reuseOf }: Explanation): string | undefined {
  if (invoicedNanoUsd !== undefined) return formatUsd(invoicedNanoUsd);
  return reuseOf ? undefined : "not on a bill that was read";
}

function givenText({ reuseOf, savedNanoUsd: saved = 0 }: Explanation): string | undefined {
  if (!reuseOf) return undefined;
  return `what call ${reuseOf.call} was paid for${saved > 0 ? `, which saved ${formatUsd(saved)}` : ""}`;
}

function correctedText({ corrections, window }: Explanation): string | undefined {
  const said = corrections.map(
    ({ at, nanoUsd }) =>
      `${formatUsd(Math.abs(nanoUsd))} ${nanoUsd < 0 ? "less" : "more"} in ${timeText(at).slice(0, 7)}`,
  );
  return said.length > 0 ? `${said.join(", ")}, since ${window.month} was closed` : undefined;
}

function costOf({ nanoUsd, source, unknown }: Explanation): string {
  if (nanoUsd !== undefined) return `${formatUsd(nanoUsd)}, ${source}`;
  return unknown ? "unknown" : "nothing: fal does not bill it";
}

interface Row {
  readonly name: string;
  readonly one: Explanation | undefined;
  readonly cost: string;
}

const of =
  (text: (one: Explanation) => string | undefined) =>
  ({ one }: Row): string =>
    (one && text(one)) ?? "";
const money = (nanoUsd: number | undefined): string | undefined =>
  nanoUsd === undefined || nanoUsd === 0 ? undefined : formatUsd(nanoUsd);

const COLUMNS: readonly TableColumn<Row>[] = [
  { name: "step", align: "left", cell: ({ name }) => name },
  {
    name: "billed",
    align: "left",
    cell: of((one) =>
      one.units.charged ? nameText(formatUnitsShort(one.units.charged, asCost(one))) : undefined,
    ),
  },
  { name: "a unit", align: "right", cell: of(({ unitPrice }) => money(unitPrice.chargedNanoUsd)), spare: 1 },
  { name: "discount", align: "right", cell: of(({ discountNanoUsd }) => money(discountNanoUsd)), spare: 2 },
  { name: "cost", align: "right", cell: ({ cost }) => cost },
  {
    name: "source",
    align: "left",
    cell: of(({ reuseOf, source }) => (reuseOf ? "given" : source === "none" ? "" : source)),
  },
];

const LONGEST_NAME = 32;

/** How the calls of a run came to what they cost, one a line, and below what does not agree. */
export function explainedRun(
  run: string,
  all: readonly Explanation[],
  total: CostSum,
  output: Output,
): string {
  const rows = all.map(
    (one): Row => ({
      name: clip(nameText(one.step ?? one.endpoint), LONGEST_NAME),
      one,
      cost: costCell(one),
    }),
  );
  const notes = all.flatMap(({ step, endpoint, callId, differs, unknown }) =>
    [...differs, ...(unknown ? [unknown.why] : [])].map(
      (note) => `${nameText(step ?? endpoint)} (${callId.slice(0, 8)}): ${note}`,
    ),
  );
  return [
    paint(output)("bold", nameText(run)),
    drawTable(rows, COLUMNS, output, { foot: { name: "total", one: undefined, cost: totalText(total) } }),
    ...unknownNote(total, output),
    ...notes.flatMap((note) => wrap(printable(note).split(" "), output.columns ?? 80)),
  ].join("\n");
}

const costCell = ({ nanoUsd, unknown }: Explanation): string =>
  nanoUsd === undefined ? (unknown ? "unknown" : "not billed") : formatUsd(nanoUsd);
