import { type ClosedMonthCosts, formatUsd } from "../../index.ts";
import { drawTable, EXIT, printableJson, timeText, wrap } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { type StoreOptions, withClient } from "../client.ts";

/** Closes a month; without one, lists those that are closed. */
export async function close(io: Io, month: string | undefined, options: StoreOptions): Promise<number> {
  const { stdout } = io;
  return withClient(io, options, async (fal) => {
    const months = month === undefined ? await fal.costs.closed() : [await fal.costs.close(month)];
    if (options.json) stdout.write(`${printableJson(month === undefined ? months : months[0])}\n`);
    else if (months.length === 0) stdout.write("No month is closed.\n");
    else {
      stdout.write(`${tableOf(months, io)}\n`);
      if (month !== undefined)
        for (const line of months.flatMap((one) => openEnds(one, io))) stdout.write(`${line}\n`);
    }
    return EXIT.ok;
  });
}

const usd = (text: string): string => (text.startsWith("-") ? `-$${text.slice(1)}` : `$${text}`);

const tableOf = (months: readonly ClosedMonthCosts[], { stdout }: Io): string =>
  drawTable(
    months,
    [
      { name: "month", align: "left", cell: ({ month }) => month },
      { name: "closed", align: "left", cell: ({ closedAt }) => timeText(closedAt), spare: 2 },
      { name: "calls", align: "right", cell: ({ sum }) => String(sum.calls), spare: 1 },
      { name: "cost", align: "right", cell: ({ sum }) => usd(sum.usd.total) },
      { name: "invoiced", align: "right", cell: ({ sum }) => usd(sum.usd.invoiced), spare: 3 },
      {
        name: "corrected since",
        align: "right",
        cell: ({ correctedSince: { count, nanoUsd } }) => (count === 0 ? "" : formatUsd(nanoUsd)),
      },
    ],
    stdout,
  );

/** What of it rests on less than the bill, and so may be corrected. */
function openEnds({ sum }: ClosedMonthCosts, { stdout }: Io): string[] {
  const rest = sum.bySource.measured + sum.bySource.estimated;
  const said = [
    ...(rest > 0 ? [`${formatUsd(rest)} of it is not from the bill.`] : []),
    ...(sum.unknown > 0 ? [`The cost of ${sum.unknown} of its calls is not known.`] : []),
  ];
  if (said.length === 0) return [];
  const text = `${said.join(" ")} What is said of that later is a correction in the month that it comes in.`;
  return wrap(text.split(" "), stdout.columns ?? 80);
}
