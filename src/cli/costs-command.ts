import type { Command } from "commander";
import { InvalidArgumentError } from "../index.ts";
import { HELP } from "./help.ts";
import type { Io } from "./io.ts";
import { STORE } from "./store-option.ts";

export function costsCommand(
  program: Command,
  io: Io,
  finish: (ending: Promise<number>) => Promise<void>,
): void {
  program
    .command("costs")
    .summary("Reports what the calls in the store cost.")
    .description("What the calls in the store cost: by endpoint, chain, run, customer, day…")
    .option("--by <keys>", "endpoint,chain,run,step,job_id,app,request,root_run,root_job,day,hour,tag:NAME")
    .option("--since <when>", "7d, 12h or a date such as 2026-11-24")
    .option("--until <when>", "before then")
    .option("--endpoint <id>", "only calls to this endpoint")
    .option("--chain <name>", "only calls of this chain")
    .option("--run <chain/id>", "only calls of this run, as a tree")
    .option(
      "--tag <key=value>",
      "only calls with this tag; may be given several times",
      (value: string, before: readonly string[] = []) => [...before, value],
    )
    .option("--waste", "show what was paid for nothing, and what reuse saved")
    .option("--json", "print it as JSON")
    .option("--csv", "print it as CSV")
    .option("--focus", "print one row per call, as FOCUS 1.3 CSV")
    .option("--reconcile", "compare with the account's bill, and note what it says (ADMIN key)")
    .option("--html <file>", "write one page with plots, the rows and the run (or the dearest one)")
    .option(...STORE)
    .addHelpText("after", HELP.costs)
    .action(async (options) => {
      if (options.reconcile) {
        const { reconcile } = await import("./commands/reconcile.ts");
        assertOfWholeBill(Object.keys(options));
        return finish(reconcile(io, options));
      }
      const { costs } = await import("./commands/costs.ts");
      await finish(costs(io, options));
    });
}

/** The bill is the account's: which of its requests are whose, only the ledger knows, and tells once it is reconciled. */
function assertOfWholeBill(given: readonly string[]): void {
  const others = given.filter((name) => !["reconcile", "since", "store", "json"].includes(name));
  if (others.length === 0) return;
  throw new InvalidArgumentError(
    `--reconcile compares the whole bill since --since, so leave --${others.join(", --")} out; ask for that afterwards.`,
  );
}
