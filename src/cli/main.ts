import { Command, CommanderError } from "commander";
import { VERSION } from "../base/version.ts";
import { EnvironmentError } from "../index.ts";
import { EXIT, exitCodeOf, tell } from "../terminal/index.ts";
import { costsCommand } from "./costs-command.ts";
import { HELP, KEY_CURE } from "./help.ts";
import type { Io } from "./io.ts";
import { runsCommand } from "./runs-command.ts";
import { STORE } from "./store-option.ts";

/** The command: arguments in, exit code out. @param argv without the program and the script. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let code: number = EXIT.ok;
  const program = commands(io, async (ending) => {
    code = await ending;
  });
  try {
    await program.parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    // Commander has said what is wrong, or printed the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    tell(withCure(error), io.stderr);
    return exitCodeOf(error);
  }
}

/** Each loads what it needs when it is called: a call need not wait for an emulator to be read. */
function commands(io: Io, finish: (ending: number | Promise<number>) => Promise<void>): Command {
  const { stdout, stderr } = io;
  const program = new Command("fal-chain")
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
    .addHelpText("after", HELP.program);

  program
    .command("call")
    .description("Calls an endpoint and prints what it gives.")
    .argument("<endpoint>", "such as fal-ai/flux/schnell")
    .argument("[field=value...]", 'the input: prompt="a fox" num_images=2')
    .option("--input <file>", "JSON object to start the input from; - is standard input")
    .option("--json", "print the whole result as JSON: data, request id, tags, cost…")
    .option("--out <dir>", "download the files of the output")
    .option("--tag <key=value>", "tag for billing; may be given up to five times", collect)
    .option("--timeout <duration>", "give up and cancel after 90s, 5m, 500ms…")
    .option("--ambiguous-submit <policy>", "look-up, throw, resubmit-if-unseen or resubmit")
    .option(...STORE)
    .showHelpAfterError(
      'Fields of the input are written prompt="a fox", without dashes. See fal-chain help call.',
    )
    .addHelpText("after", HELP.call)
    .action(async (endpoint, fields, options) => {
      const { call } = await import("./commands/call.ts");
      await finish(call(io, endpoint, fields, options));
    });

  callsCommand(program, io, finish);
  runsCommand(program, io, finish);

  costsCommand(program, io, finish);

  program
    .command("env")
    .summary("Shows fal's environment, and which origins follow.")
    .description("Shows what of fal's environment is set, and which origins follow. Prints no secret.")
    .option("--json", "print it as JSON")
    .addHelpText("after", HELP.env)
    .action(async (options) => {
      const { env } = await import("./commands/env.ts");
      await finish(env(io, options));
    });

  program
    .command("emulate")
    .summary("Serves an emulator of fal, or runs a program against one.")
    .description("Serves an emulator of fal: everything but the models is there, nothing is paid.")
    .usage("[options] [-- program args...]")
    .argument("[program...]", "a program to run against it, with FAL_HOST and FAL_KEY set")
    .option("--port <number>", "port on 127.0.0.1 (default: 8787, or a free one for a program)")
    .option("--seed <number>", "makes request ids and pictures repeatable")
    .option("--concurrency <number>", "requests that run at once (default: 2)")
    .passThroughOptions()
    .addHelpText("after", HELP.emulate)
    .action(async (words, options) => {
      const { emulate } = await import("./commands/emulate.ts");
      await finish(emulate(io, words, options));
    });

  program
    .command("demo")
    .summary("Makes a poster: a chain of three models.")
    .description("Makes a poster: a picture, its upscale and its cut-out. Without FAL_KEY, on the emulator.")
    .argument("[prompt...]", 'what to draw (default: "a lighthouse at dawn")')
    .option("--out <dir>", "where the files go", "out")
    .addHelpText("after", HELP.demo)
    .action(async (words, options) => {
      const { demo } = await import("./commands/demo.ts");
      await finish(demo(io, words, options));
    });

  return program;
}

function callsCommand(program: Command, io: Io, finish: (ending: Promise<number>) => Promise<void>): void {
  const load = () => import("./commands/calls.ts");
  const calls = program
    .command("calls")
    .summary("Lists the calls that were made; settles those in doubt.")
    .description("The calls that the store has: what they were, what became of them, what they cost.")
    .enablePositionalOptions()
    .addHelpText("after", HELP.calls);

  calls
    .command("list", { isDefault: true })
    .description("Lists calls, the newest first.")
    .option("--state <state>", "intended, submitted, ambiguous, completed, failed or given-up")
    .option("--endpoint <id>", "only calls to this endpoint")
    .option("--since <when>", "7d, 12h or a date such as 2026-11-24")
    .option("--limit <number>", "at most so many", "20")
    .option("--json", "print everything that is known of each, as JSON")
    .option(...STORE)
    .addHelpText("after", HELP.calls)
    .action(async (options) => finish((await load()).list(io, options)));

  calls
    .command("show")
    .description("Shows everything that is known of one call.")
    .argument("<id>", "of the call, or its beginning")
    .option("--json", "print it as JSON")
    .option(...STORE)
    .addHelpText("after", HELP.calls)
    .action(async (id, options) => finish((await load()).show(io, id, options)));

  calls
    .command("settle")
    .description("Says what became of a call whose submit may or may not have been accepted.")
    .argument("<id>", "of the call, or its beginning")
    .option("--adopt <request>", "it is this request")
    .option("--resubmit", "send it again")
    .option("--give-up", "leave it")
    .option("--json", "print the result, or the call, as JSON")
    .option("--out <dir>", "download the files of the output")
    .option(...STORE)
    .addHelpText("after", HELP.settle)
    .action(async (id, options) => finish((await load()).settle(io, id, options)));

  calls
    .command("rescue")
    .description("Reads a rescue file back into the store.")
    .argument("[file]", "the rescue file (default: the one of the store)")
    .option("--json", "print what became of it as JSON")
    .option(...STORE)
    .addHelpText("after", HELP.rescue)
    .action(async (file, options) => finish((await load()).rescue(io, file, options)));
}

const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];

/** The library's cure is for programs; who sits at a terminal has better ones. */
const withCure = (error: unknown): unknown =>
  error instanceof EnvironmentError && error.variable === "FAL_KEY" && error.code === "missing_variable"
    ? new EnvironmentError(error.code, error.variable, "is not set", KEY_CURE)
    : error;
