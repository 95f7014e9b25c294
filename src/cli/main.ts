import { Command, CommanderError } from "commander";
import { VERSION } from "../base/version.ts";
import { EXIT, exitCodeOf } from "../terminal/exit-code.ts";
import { writeError } from "../terminal/write-error.ts";
import type { Cli, Io } from "./cli.ts";
import { addBudgets } from "./commands/budgets.ts";
import { addCall } from "./commands/call.ts";
import { addCalls } from "./commands/calls.ts";
import { addCheck } from "./commands/check.ts";
import { addCosts } from "./commands/costs.ts";
import { addDev } from "./commands/dev.ts";
import { addEmulate } from "./commands/emulate.ts";
import { addEnv } from "./commands/env.ts";
import { addInit } from "./commands/init.ts";
import { addModels } from "./commands/models.ts";
import { addPull } from "./commands/pull.ts";
import { addRuns } from "./commands/runs.ts";
import { addSchema } from "./commands/schema.ts";
import { addSecrets } from "./commands/secrets.ts";
import { withKeyCure } from "./missing-key.ts";

const COMMANDS = [
  ...[addCall, addCalls, addRuns, addCosts, addBudgets, addEnv],
  ...[addModels, addSchema, addPull],
  ...[addInit, addSecrets, addDev, addCheck, addEmulate],
];

const HELP = `
Examples:
  fal-chain call fal-ai/flux/schnell prompt="a fox" num_images=2 --out pictures
  fal-chain emulate -- node app.ts     the same program, without a key
  fal-chain dev app.ts                 an app at home, as fal would run it
  fal-chain calls                      what was called, and what it cost
  fal-chain pull fal-ai/flux/schnell   types of an endpoint, into your project
  fal-chain runs                       runs of chains, and what they wait for
  fal-chain help call                  more about one command

Exit codes:
  0    done
  1    fal said no, or the result could not be had
  2    wrong arguments or environment; nothing was sent
  3    the call may or may not have been accepted: do not simply repeat it
  124  the time of --timeout passed
  130  interrupted by Ctrl-C or SIGTERM
`;

/** The command: arguments in, exit code out. @param argv without the program and the script. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const cli: Cli = { io, exitCode: EXIT.ok };
  const program = programFor(io);
  for (const add of COMMANDS) add(program, cli);
  try {
    await program.parseAsync(argv, { from: "user" });
    return cli.exitCode;
  } catch (error) {
    // Commander has said what is wrong, or printed the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    writeError(withKeyCure(error), io.stderr);
    return exitCodeOf(error);
  }
}

const programFor = ({ stdout, stderr }: Io): Command =>
  new Command("fal-chain")
    .description("Calls and chains of fal models, from the command line.")
    .version(VERSION)
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      getOutHelpWidth: () => stdout.columns ?? 80,
      getErrHelpWidth: () => stderr.columns ?? 80,
    })
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .exitOverride()
    .enablePositionalOptions()
    .addHelpText("after", HELP);
