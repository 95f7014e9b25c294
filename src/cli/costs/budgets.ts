import type { BudgetState } from "../../index.ts";
import { costText, drawTable, EXIT, printable, printableJson, timeText } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { type StoreOptions, withClient } from "../client.ts";
import { parseListLimit, sayHowMany } from "../inputs.ts";

interface BudgetsOptions extends StoreOptions {
  readonly run?: string;
  readonly limit?: string;
}

const usd = (nanoUsd: number): string => costText({ source: "measured", nanoUsd });

/** Prints the budgets that the store knows of, those with the latest windows first. */
export async function listBudgets(io: Io, options: BudgetsOptions): Promise<number> {
  const limit = parseListLimit(options);
  const { run } = options;
  return withClient(io, options, async (fal) => {
    const found = await fal.budgets(run === undefined ? { noted: true } : { run });
    const budgets = found.toSorted((a, b) => (b.since ?? 0) - (a.since ?? 0)).slice(0, limit);
    if (options.json) io.stdout.write(`${printableJson(budgets)}\n`);
    else if (budgets.length === 0) io.stdout.write("No budgets are in the store.\n");
    else io.stdout.write(`${tableOf(budgets, io)}\n${overshootsOf(budgets)}`);
    if (found.length > budgets.length) sayHowMany(io, budgets.length, found.length, "budgets");
    return EXIT.ok;
  });
}

/** A line for each that is beyond its limit. */
const overshootsOf = (budgets: readonly BudgetState[]): string =>
  budgets
    .flatMap(({ budget, overshot }) =>
      overshot ? [`${budget} is overshot by ${usd(overshot.nanoUsd)}: ${overshot.why}`] : [],
    )
    .map((line) => `${printable(line)}\n`)
    .join("");

const tableOf = (budgets: readonly BudgetState[], { stdout }: Io): string =>
  drawTable(
    budgets,
    [
      { name: "budget", align: "left", cell: ({ budget }) => printable(budget) },
      {
        name: "since",
        align: "left",
        cell: ({ since }) => (since === undefined ? "" : timeText(since)),
        spare: 1,
      },
      { name: "limit", align: "right", cell: ({ limitNanoUsd }) => usd(limitNanoUsd) },
      { name: "charged", align: "right", cell: ({ chargedNanoUsd }) => usd(chargedNanoUsd) },
      { name: "reserved", align: "right", cell: ({ reservedNanoUsd }) => usd(reservedNanoUsd) },
      { name: "left", align: "right", cell: ({ leftNanoUsd }) => usd(leftNanoUsd) },
    ],
    stdout,
  );
