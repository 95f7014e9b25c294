import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { STORE } from "../options.ts";

const HELP = `
Budgets are set by programs: on a client, on the values of a tag, on a run. The
store has what their calls took, and the limit that the last of them was held
to. So a budget that nothing was called under yet is not here, unless it is that
of a run which has not ended; of one that begins anew with each hour, day or
month the latest window is shown.

  since     when that window, or the run, began
  charged   what calls of known cost cost
  reserved  set aside for calls under way, in doubt, or of unknown cost
  left      what a call may still cost

Of one that is beyond its limit it is told by how much, and which call did it.

Examples:
  fal-chain budgets
  fal-chain budgets --run poster/order-1042
  fal-chain budgets --json --store postgres://me:secret@db/ledger
`;

export function addBudgets(program: Command, cli: Cli): void {
  program
    .command("budgets")
    .summary("Lists budgets, and what they have left.")
    .description("The budgets that the store knows of: limit, charged, reserved, left.")
    .option("--run <run>", "those of this run, chain/id, and of the runs around it")
    .option("--limit <number>", "at most so many (default: 20, of --json all)")
    .option("--json", "print everything that is known of each, as JSON")
    .option(...STORE)
    .addHelpText("after", HELP)
    .action(async (options) => {
      const { listBudgets } = await import("../costs/budgets.ts");
      cli.exitCode = await listBudgets(cli.io, options);
    });
}
