import type { Command } from "commander";
import { InvalidArgumentError } from "../../index.ts";
import type { Cli } from "../cli.ts";
import { SINCE, STORE } from "../options.ts";

const HELP = `
Runs are in the store of the program that started them: set FAL_CHAIN_STORE for
both, or name the store with --store. A run is named chain/id, or by its id or
its beginning where only one run has it.

Examples:
  fal-chain runs --state blocked --since 7d
  fal-chain runs show poster/order-1042
  fal-chain runs resume order-1042 --load ./chains.ts
  fal-chain runs settle order-1042 --resubmit
  fal-chain runs cancel order-1042 --reason "no longer wanted"
`;

const HELP_RESUME = `
The module exports the chain. Its client uses the store that FAL_CHAIN_STORE or
--store names, unless it was given another store. Node 22.18 and newer read
TypeScript. What the run has paid for is reused; a failed run goes on from the
step that failed. Where fal billed that failure the step is paid for once more,
unless --unbilled-only is given.

Examples:
  fal-chain runs resume poster/order-1042 --load ./chains.ts
  fal-chain runs resume order-1042 --load ./chains.ts --store sqlite:runs.db
`;

const HELP_SETTLE = `
The submit that a run is blocked on may be paid for or not. fal-chain runs show
names it; look for it in fal's dashboard, and say what it was:

  --adopt REQUEST  it is this request; the run waits for its result
  --resubmit       it was never accepted: the run sends it again, which is paid
  --give-up        the result is no longer wanted: the step fails

Then resume the run.

Examples:
  fal-chain runs settle order-1042 --adopt 019b76da-a800-7490-854e-05327641750d
  fal-chain runs settle order-1042 --resubmit
  fal-chain runs settle --all --give-up          shows what it would settle
  fal-chain runs settle --all --give-up --yes
`;

const RUN = ["<run>", "chain/id, or its id or beginning where only one run has it"] as const;

export function addRuns(program: Command, cli: Cli): void {
  const runs = program
    .command("runs")
    .summary("Lists the runs of chains; resumes, settles, cancels them.")
    .description("The runs in the store: what they did and when, what they cost, what they wait for.")
    .enablePositionalOptions()
    .addHelpText("after", HELP);
  addList(runs, cli);
  addShow(runs, cli);
  addResume(runs, cli);
  addSettle(runs, cli);
  addCancel(runs, cli);
  addForget(runs, cli);
}

function addList(runs: Command, cli: Cli): void {
  runs
    .command("list", { isDefault: true })
    .description("Lists runs, the newest first.")
    .option("--chain <name>", "only runs of this chain")
    .option("--state <state>", "waiting, running, interrupted, blocked, completed, failed or cancelled")
    .option(...SINCE)
    .option("--limit <number>", "at most so many (default: 20, of --json all)")
    .option("--json", "print everything that is known of each, as JSON")
    .option(...STORE)
    .addHelpText("after", HELP)
    .action(async (options) => {
      const { listRuns } = await import("../runs/list.ts");
      cli.exitCode = await listRuns(cli.io, options);
    });
}

function addShow(runs: Command, cli: Cli): void {
  runs
    .command("show")
    .description("Draws what a run did and when, what it cost, and what it waits for.")
    .argument(...RUN)
    .option("--json", "print the run and its steps as JSON")
    .option(...STORE)
    .action(async (run, options) => {
      const { showRunById } = await import("../runs/show.ts");
      cli.exitCode = await showRunById(cli.io, run, options);
    });
}

function addResume(runs: Command, cli: Cli): void {
  runs
    .command("resume")
    .description("Goes on with a run, and pays for nothing that it has.")
    .argument(...RUN)
    .requiredOption("--load <module>", "JavaScript or TypeScript that exports the chain")
    .option("--unbilled-only", "leave a run as it is that failed with what was, or may have been, billed")
    .option("--on-diverge <what>", "where the code has changed: throw, or pay for what it asks now")
    .option(...STORE)
    .addHelpText("after", HELP_RESUME)
    .action(async (run, options) => {
      const { resumeRun } = await import("../runs/resume.ts");
      cli.exitCode = await resumeRun(cli.io, run, options);
    });
}

function addSettle(runs: Command, cli: Cli): void {
  runs
    .command("settle")
    .description("Says what the submit was that a run is blocked on.")
    .argument("[run]", RUN[1])
    .option("--all", "every blocked run: they are shown, and settled with --yes")
    .option("--chain <name>", "with --all: only runs of this chain")
    .option("--yes", "with --all: settle what is shown without it")
    .option("--adopt <request>", "it is this request")
    .option("--resubmit", "send it again when the run is resumed")
    .option("--give-up", "leave it: the step fails")
    .option("--json", "print the call as JSON")
    .option(...STORE)
    .addHelpText("after", HELP_SETTLE)
    .action(async (run: string | undefined, options) => {
      if (options.all && run === undefined) {
        const { settleAllRuns } = await import("../runs/settle-all.ts");
        cli.exitCode = await settleAllRuns(cli.io, options);
        return;
      }
      if (run === undefined || options.all || options.yes || options.chain !== undefined) {
        throw new InvalidArgumentError(
          "Name one run, or say --all (with --chain NAME and --yes, if wanted).",
        );
      }
      const { settleRun } = await import("../runs/settle.ts");
      cli.exitCode = await settleRun(cli.io, run, options);
    });
}

function addCancel(runs: Command, cli: Cli): void {
  runs
    .command("cancel")
    .description("Cancels a run, whichever process executes it.")
    .argument(...RUN)
    .option("--reason <text>", "shown to whoever waits for it")
    .option("--json", "print the run as JSON")
    .option(...STORE)
    .action(async (run, options) => {
      const { cancelRun } = await import("../runs/cancel.ts");
      cli.exitCode = await cancelRun(cli.io, run, options);
    });
}

function addForget(runs: Command, cli: Cli): void {
  runs
    .command("forget")
    .description("Deletes a run that has ended. What its calls cost stays in the ledger.")
    .argument(...RUN)
    .option("--json", "print which one, as JSON")
    .option(...STORE)
    .action(async (run, options) => {
      const { forgetRun } = await import("../runs/forget.ts");
      cli.exitCode = await forgetRun(cli.io, run, options);
    });
}
