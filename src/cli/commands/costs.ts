import type { Command } from "commander";
import { InvalidArgumentError } from "../../errors/arguments.ts";
import type { Cli } from "../cli.ts";
import { collect, SINCE, STORE } from "../options.ts";

const HELP = `
Sums are exact, and of known costs only; how many calls are missing, and why, is
shown beside and below them. Days are UTC's, by the time when a call was made.

  cost      measured (units that fal billed, times their price), estimated or
            invoiced; those two have columns of their own where there are any
  wait run  in fal's queue, and in the model
  runner    how long runners (FAL_JOB_ID) waited, each call by itself
  wasted    with --waste: failed but billed, or results that were not used
  doubtful  with --waste: calls that may have been billed for nothing
  saved     with --waste: what results that were used again did not cost

--run draws a tree: each step with what it waited, ran and cost, the sums of its
scopes, and the runs that were started within it. With --by, --waste or another
choice of calls it is a table.

--focus prints one row per charge as FOCUS 1.4 (FinOps Open Cost and Usage
Specification) CSV, the newest first; docs/money.md lists the columns. What FOCUS
has no row for is counted on stderr: calls that cost nothing, or whose cost or
quantity is not known. --focus=1.3 is for tools that do not know 1.4.

--invoice CUSTOMER is what somebody is to pay for the results of calls with a tag:
what they cost with the markup that each was made with (createFal({ markup })), by
model. --html and --csv can be sent: what it cost you is on neither. Without
--since it is the last month that is over.

--runners asks fal what the runners of the account's apps cost, by the second:
a part of the bill that belongs to no call.

--reconcile reads the account's bill since --since (default: 7d), records what it
says as invoiced, and lists what is late, missing, of another price, or unknown
to this ledger. --tag and --key-id choose a part of it.

Examples:
  fal-chain costs --since 7d
  fal-chain costs --by tag:customer,job_id
  fal-chain costs --by day,chain --tag customer=acme --csv
  fal-chain costs --run poster/order-1042
  fal-chain costs --since 30d --by tag:customer --html report.html
  fal-chain costs --since 30d --focus --billing-account acme > focus.csv
  fal-chain costs --invoice customer=acme --from "Studio Ltd" --html invoice.html
  fal-chain costs --since 30d --runners
  fal-chain costs --reconcile --since 30d
`;

const HELP_EXPLAIN = `
Says step by step how a call came to what it cost: when it counts, what its input
chose, the units, the price of one, a discount, the invoice; and which of them do
not agree. Of a run it is a line for each call. An ID may be cut short.

Examples:
  fal-chain costs explain 3f2a9c1e
  fal-chain costs explain poster/order-1042 --json
`;

const HELP_CLOSE = `
Months are UTC's, as fal's own are. What a call of a closed month is said to cost
from then on is a correction in the month that it comes in: the sums of a closed
month never change. Reconcile with the bill first, some days into the next month:
it is late by hours.

Examples:
  fal-chain costs --reconcile --since 2026-10
  fal-chain costs close 2026-10
  fal-chain costs close
`;

export function addCosts(program: Command, cli: Cli): void {
  const costs = program
    .command("costs")
    .enablePositionalOptions()
    .summary("Reports what the calls in the store cost.")
    .description("What the calls in the store cost: by endpoint, chain, run, customer, day…")
    .option(
      "--by <keys>",
      "endpoint,chain,run,step,job_id,app,request,caller,root_run,root_job,key_id,account,month,day,hour,tag:NAME",
    )
    .option(...SINCE)
    .option("--until <when>", "before then")
    .option("--endpoint <id>", "only calls to this endpoint")
    .option("--chain <name>", "only calls of this chain")
    .option("--run <chain/id>", "only calls of this run, as a tree")
    .option("--tag <key=value>", "only calls with this tag; may be given several times", collect)
    .option("--key-id <id>", "only calls paid with this key; several with --reconcile", collect)
    .option("--currency <rate>", "show another currency too, at your rate: EUR=0.92@2026-11-01")
    .option("--waste", "show what was paid for nothing, and what reuse saved")
    .option("--runners", "what the account's runners cost since --since, below it (ADMIN key)")
    .option("--json", "print it as JSON")
    .option("--csv", "print it as CSV")
    .option("--focus [version]", "print one row per charge, as FOCUS 1.4 or 1.3 CSV")
    .option("--billing-account <id>", "with --focus: the account that fal bills")
    .option("--invoice <key=value>", "what the calls with this tag are to be paid for", collect)
    .option("--markup <share>", "with --invoice: such as 20%, for calls that were made without one")
    .option("--from <name>", "with --invoice: who sends it")
    .option("--number <text>", "with --invoice: its number")
    .option("--reconcile", "compare with the account's bill, and record what it says (ADMIN key)")
    .option("--html <file>", "write one page with plots, the rows and the run (or the dearest one)")
    .option(...STORE)
    .addHelpText("after", HELP)
    .action(async (options) => {
      if (options.reconcile) {
        assertOfWholeBill(Object.keys(options));
        const { reconcile } = await import("../costs/reconcile.ts");
        cli.exitCode = await reconcile(cli.io, options);
      } else if (options.invoice) {
        const { writeInvoice } = await import("../costs/invoice.ts");
        cli.exitCode = await writeInvoice(cli.io, options);
      } else {
        assertOfInvoice(options);
        const { reportCosts } = await import("../costs/report.ts");
        cli.exitCode = await reportCosts(cli.io, options);
      }
    });

  costs
    .command("close [month]")
    .description("Closes a month, such as 2026-10; without one, lists the closed months.")
    .option("--json", "print it as JSON")
    .option(...STORE)
    .addHelpText("after", HELP_CLOSE)
    .action(async (month: string | undefined, options) => {
      const { close } = await import("../costs/close.ts");
      cli.exitCode = await close(cli.io, month, options);
    });

  addQuestions(costs, cli);

  costs
    .command("explain <call-or-run>")
    .description("Says how a call, or each call of a run, came to what it cost.")
    .option("--json", "print it as JSON")
    .option(...STORE)
    .addHelpText("after", HELP_EXPLAIN)
    .action(async (named: string, options) => {
      const { explain } = await import("../costs/explain.ts");
      cli.exitCode = await explain(cli.io, named, options);
    });
}

function assertOfInvoice(options: Readonly<Record<string, unknown>>): void {
  const given = ["markup", "from", "number"].filter((name) => options[name] !== undefined);
  if (given.length > 0) throw new InvalidArgumentError(`--${given.join(", --")} is said with --invoice.`);
}

/** What owners ask beside what was spent. */
function addQuestions(costs: Command, cli: Cli): void {
  costs
    .command("forecast")
    .description("What this month will have cost, by customer and endpoint, and how far that may be off.")
    .option("--by <keys>", "as in costs (default: tag:customer,endpoint)")
    .option("--tag <key=value>", "only calls with this tag; may be given several times", collect)
    .option("--json", "print it as JSON")
    .option(...STORE)
    .action(async (options) => {
      const { forecast } = await import("../costs/forecast.ts");
      cli.exitCode = await forecast(cli.io, options);
    });

  costs
    .command("runs <chain>")
    .description("The cheapest and the dearest runs of a chain, and why.")
    .option(...SINCE)
    .option("--until <when>", "before then")
    .option("--limit <count>", "how many of each (default: 3)")
    .option("--json", "print it as JSON")
    .option(...STORE)
    .action(async (chain: string, options) => {
      const { compareRuns } = await import("../costs/compare-runs.ts");
      cli.exitCode = await compareRuns(cli.io, chain, options);
    });

  costs
    .command("balance")
    .description("What the account has left to spend (ADMIN key).")
    .option("--json", "print it as JSON")
    .action(async (options) => {
      const { balance } = await import("../costs/balance.ts");
      cli.exitCode = await balance(cli.io, options);
    });
}

/** The bill is the account's: whose requests they are only the ledger knows, and reports once it is reconciled. */
function assertOfWholeBill(given: readonly string[]): void {
  const others = given.filter(
    (name) => !["reconcile", "since", "tag", "keyId", "store", "json"].includes(name),
  );
  if (others.length === 0) return;
  throw new InvalidArgumentError(
    `--reconcile compares the whole bill since --since, so leave --${others.join(", --")} out; ask for that afterwards.`,
  );
}
