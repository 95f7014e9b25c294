import type { Command } from "commander";
import { HELP } from "./help.ts";
import type { Io } from "./io.ts";
import { STORE } from "./store-option.ts";

const RUN = ["<run>", "chain/id, or its id or beginning where only one is meant"] as const;

export function runsCommand(
  program: Command,
  io: Io,
  finish: (ending: Promise<number>) => Promise<void>,
): void {
  const load = () => import("./commands/runs.ts");
  const runs = program
    .command("runs")
    .summary("Lists the runs of chains; resumes, settles, cancels them.")
    .description("The runs that the store has: what they did and when, what they cost, what they wait for.")
    .enablePositionalOptions()
    .addHelpText("after", HELP.runs);

  runs
    .command("list", { isDefault: true })
    .description("Lists runs, the newest first.")
    .option("--chain <name>", "only runs of this chain")
    .option("--state <state>", "waiting, running, interrupted, blocked, completed, failed or cancelled")
    .option("--since <when>", "7d, 12h or a date such as 2026-11-24")
    .option("--limit <number>", "at most so many", "20")
    .option("--json", "print everything that is known of each, as JSON")
    .option(...STORE)
    .addHelpText("after", HELP.runs)
    .action(async (options) => finish((await load()).list(io, options)));

  runs
    .command("show")
    .description("Draws what a run did and when, what it cost, and what it waits for.")
    .argument(...RUN)
    .option("--json", "print the run and its steps as JSON")
    .option(...STORE)
    .action(async (run, options) => finish((await load()).show(io, run, options)));

  runs
    .command("resume")
    .description("Goes on with a run, and pays for nothing that it has.")
    .argument(...RUN)
    .requiredOption("--load <module>", "JavaScript or TypeScript that exports the chain")
    .option("--on-diverge <what>", "where the code has changed: throw, or pay for what it asks now")
    .option(...STORE)
    .addHelpText("after", HELP.resume)
    .action(async (run, options) => {
      const { resumeRun } = await import("./commands/resume-run.ts");
      await finish(resumeRun(io, run, options));
    });

  runs
    .command("settle")
    .description("Says what the submit was that a run is blocked on.")
    .argument(...RUN)
    .option("--adopt <request>", "it is this request")
    .option("--resubmit", "send it again when the run is resumed")
    .option("--give-up", "leave it: the step fails")
    .option("--json", "print the call as JSON")
    .option(...STORE)
    .addHelpText("after", HELP.settleRun)
    .action(async (run, options) => finish((await load()).settle(io, run, options)));

  runs
    .command("cancel")
    .description("Cancels a run, whichever process executes it.")
    .argument(...RUN)
    .option("--reason <text>", "is told to who waits for it")
    .option("--json", "print the run as JSON")
    .option(...STORE)
    .action(async (run, options) => finish((await load()).cancel(io, run, options)));

  runs
    .command("forget")
    .description("Deletes a run that has ended. What its calls cost stays in the ledger.")
    .argument(...RUN)
    .option("--json", "print which one, as JSON")
    .option(...STORE)
    .action(async (run, options) => finish((await load()).forget(io, run, options)));
}
