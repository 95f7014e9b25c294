import { type Expected, type Forecast, type ForecastQuery, formatUsd } from "../../index.ts";
import { drawTable, EXIT, printable, printableJson, wrap } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { type StoreOptions, withClient } from "../client.ts";
import { parseTags } from "../inputs.ts";

interface ForecastOptions extends StoreOptions {
  readonly by?: string;
  readonly tag?: readonly string[];
}

/** What the month will have cost. */
export async function forecast(io: Io, { by: named, tag, ...options }: ForecastOptions): Promise<number> {
  const { stdout } = io;
  return withClient(io, options, async (fal) => {
    const by = (named?.split(",").map((key) => key.trim()) ?? ["tag:customer", "endpoint"]) as NonNullable<
      ForecastQuery["by"]
    >;
    const found = await fal.costs.forecast({ by, ...(tag && { tags: parseTags(tag) }) });
    if (options.json) stdout.write(`${printableJson(found)}\n`);
    else if (found.rows.length === 0)
      stdout.write("Nothing was spent this month, nor in the four weeks before.\n");
    else
      stdout.write(
        `${tableOf(found, by, io)}\n${wrap(notes(found).split(" "), stdout.columns ?? 80).join("\n")}\n`,
      );
    return EXIT.ok;
  });
}

interface Line {
  readonly names: readonly string[];
  readonly sum: Expected;
}

const LONGEST_NAME = 48;

function tableOf({ rows, total }: Forecast, by: readonly string[], { stdout }: Io): string {
  const lines = rows.map(
    (row): Line => ({
      names: by.map((name) => printable(row.key[name] ?? "none", LONGEST_NAME)),
      sum: row,
    }),
  );
  const money = (name: string, of: (sum: Expected) => number | undefined, spare = 0) => ({
    name,
    align: "right" as const,
    cell: ({ sum }: Line) => centsText(of(sum)),
    spare,
  });
  return drawTable(
    lines,
    [
      ...by.map((name, nth) => ({
        name: printable(name, LONGEST_NAME),
        align: "left" as const,
        cell: (line: Line) => line.names[nth] ?? "",
      })),
      money("so far", ({ soFarNanoUsd }) => soFarNanoUsd, 1),
      money("low", ({ lowNanoUsd }) => lowNanoUsd, 2),
      money("likely", ({ likelyNanoUsd }) => likelyNanoUsd),
      money("high", ({ highNanoUsd }) => highNanoUsd),
    ],
    stdout,
    { foot: { names: ["total"], sum: total } },
  );
}

/** A guess is not told to the nano-dollar. */
const centsText = (nanoUsd: number | undefined): string =>
  nanoUsd === undefined ? "" : formatUsd(Math.round(nanoUsd / 1e7) * 1e7);

function notes({ month, days, unknown, total }: Forecast): string {
  const rests =
    total.likelyNanoUsd === undefined
      ? `There are ${days} whole days before today, and a forecast takes three.`
      : `${month} as if it went on as the ${days} days before today did; four of five such months end between low and high.`;
  return unknown === 0 ? rests : `${rests} The cost of ${unknown} of its calls is not known, and not in it.`;
}
