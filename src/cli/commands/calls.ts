import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { SINCE, STORE } from "../options.ts";

const HELP = `
Every call of this command is recorded before it is paid for, in the store that
--store or FAL_CHAIN_STORE names. Without either: in the project's
.fal-chain/store.db where there is one, else in
~/.local/share/fal-chain/store.db, or in local.db beside it for calls to this
machine, such as to the emulator. To see the calls of a program, name the store
that the program uses. An ID may be cut short.

Examples:
  fal-chain calls --state ambiguous --since 7d
  fal-chain calls show 3f2a9c1e
  fal-chain calls settle 3f2a9c1e --adopt 019b76da-a800-7490-854e-05327641750d
  fal-chain calls --store postgres://me:secret@db/ledger --json
`;

const HELP_SETTLE = `
A submit whose answer was lost may be paid for or not. Where the request history
did not tell, look at it in fal's dashboard, and say what it was:

  --adopt REQUEST  it is this request; its result is fetched, not paid again
  --resubmit       it was never accepted: send it again, which is paid again
  --give-up        the result is no longer wanted

Examples:
  fal-chain calls settle 3f2a9c1e --adopt 019b76da-a800-7490-854e-05327641750d
  fal-chain calls settle 3f2a9c1e --resubmit
`;

const HELP_RESCUE = `
When a store cannot be written after a call was paid (a full disk, a lost
database), what it should have recorded is kept in a rescue file. This reads the
file back. Doing so twice changes nothing; lines that the store still does not
take stay in the file.

Examples:
  fal-chain calls rescue
  fal-chain calls rescue calls.db.rescue.jsonl --store calls.db
`;

export function addCalls(program: Command, cli: Cli): void {
  const { io } = cli;
  const calls = program
    .command("calls")
    .summary("Lists the calls that were made; settles those in doubt.")
    .description("The calls in the store: what they were, how they ended, what they cost.")
    .enablePositionalOptions()
    .addHelpText("after", HELP);

  calls
    .command("list", { isDefault: true })
    .description("Lists calls, the newest first.")
    .option("--state <state>", "intended, submitted, ambiguous, completed, failed or given-up")
    .option("--endpoint <id>", "only calls to this endpoint")
    .option(...SINCE)
    .option("--limit <number>", "at most so many (default: 20, of --json all)")
    .option("--json", "print everything that is known of each, as JSON")
    .option(...STORE)
    .addHelpText("after", HELP)
    .action(async (options) => {
      const { listCalls } = await import("../calls/list.ts");
      cli.exitCode = await listCalls(io, options);
    });

  calls
    .command("show")
    .description("Shows everything that is known of one call.")
    .argument("<id>", "of the call, or its beginning")
    .option("--json", "print it as JSON")
    .option(...STORE)
    .addHelpText("after", HELP)
    .action(async (id, options) => {
      const { showCall } = await import("../calls/show.ts");
      cli.exitCode = await showCall(io, id, options);
    });

  addSettle(calls, cli);

  calls
    .command("rescue")
    .description("Reads a rescue file back into the store.")
    .argument("[file]", "the rescue file (default: the one of the store)")
    .option("--json", "print what was restored as JSON")
    .option(...STORE)
    .addHelpText("after", HELP_RESCUE)
    .action(async (file, options) => {
      const { rescueCalls } = await import("../calls/rescue.ts");
      cli.exitCode = await rescueCalls(io, file, options);
    });
}

function addSettle(calls: Command, cli: Cli): void {
  calls
    .command("settle")
    .description("Says whether a submit was accepted whose answer was lost.")
    .argument("<id>", "of the call, or its beginning")
    .option("--adopt <request>", "it is this request")
    .option("--resubmit", "send it again")
    .option("--give-up", "leave it")
    .option("--json", "print the result, or the call, as JSON")
    .option("--out <dir>", "download the files of the output")
    .option(...STORE)
    .addHelpText("after", HELP_SETTLE)
    .action(async (id, options) => {
      const { settleCall } = await import("../calls/settle.ts");
      cli.exitCode = await settleCall(cli.io, id, options);
    });
}
