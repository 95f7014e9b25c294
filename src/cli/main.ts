import { Command, CommanderError } from "commander";
import { VERSION } from "../base/version.ts";
import { AmbiguousSubmitError, EnvironmentError, FalError, InvalidArgumentError } from "../index.ts";
import { call } from "./commands/call.ts";
import { demo } from "./commands/demo.ts";
import { emulate } from "./commands/emulate.ts";
import { env } from "./commands/env.ts";
import { EXIT, type Io } from "./io.ts";

/** The command: arguments in, exit code out. @param argv without the program and the script. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let code: number = EXIT.ok;
  const finish = async (ending: number | Promise<number>) => {
    code = await ending;
  };

  const program = new Command("fal-chain")
    .description("Calls and chains of fal models, from the command line.")
    .version(VERSION)
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .exitOverride()
    .addHelpText("after", EXIT_CODES);

  program
    .command("call")
    .description("Calls an endpoint and prints what it gives.")
    .argument("<endpoint>", "such as fal-ai/flux/schnell")
    .argument("[field=value...]", 'the input: prompt="a fox" num_images=2 image_size.width=512')
    .option("--input <file>", "JSON object to start the input from; - is standard input")
    .option("--json", "print the whole result as JSON")
    .option("--out <dir>", "download the files of the output")
    .option("--tag <key=value>", "tag for billing; may be given up to five times", collect, [])
    .option("--timeout <duration>", "give up and cancel after 90s, 5m…")
    .action((endpoint, fields, options) => finish(call(io, endpoint, fields, options)));

  program
    .command("env")
    .description("Shows what of fal's environment is set, and which origins follow. Prints no secret.")
    .option("--json", "print it as JSON")
    .action((options) => finish(env(io, options)));

  program
    .command("emulate")
    .description("Serves an emulator of fal: everything but the models is there, nothing is paid.")
    .usage("[options] [-- program args...]")
    .argument("[program...]", "a program to run against it, with FAL_HOST and FAL_KEY set")
    .option("--port <number>", "port on 127.0.0.1 (default: 8787, or a free one for a program)")
    .option("--seed <number>", "makes request ids and pictures repeatable")
    .option("--concurrency <number>", "requests that run at once (default: 2)")
    .passThroughOptions()
    .action((words, options) => finish(emulate(io, words, options)));
  program.enablePositionalOptions();

  program
    .command("demo")
    .description("Makes a poster: a picture, its upscale and its cut-out. Without FAL_KEY, on the emulator.")
    .argument("[prompt...]", 'what to draw (default: "a lighthouse at dawn")')
    .option("--out <dir>", "where the files go", "out")
    .action((words, options) => finish(demo(io, words, options)));

  try {
    await program.parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    // Commander has said what is wrong, or printed the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    io.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return exitCode(error);
  }
}

function exitCode(error: unknown): number {
  if (error instanceof EnvironmentError || error instanceof InvalidArgumentError) return EXIT.usage;
  if (error instanceof AmbiguousSubmitError) return EXIT.ambiguous;
  if (error instanceof FalError && error.name === "TimeoutError") return EXIT.timeout;
  if (error instanceof FalError && error.name === "AbortError") return EXIT.interrupted;
  return EXIT.failed;
}

const collect = (value: string, before: readonly string[]): string[] => [...before, value];

const EXIT_CODES = `
Exit codes:
  0    done
  1    fal said no, or the result could not be had
  2    wrong arguments or environment; nothing was sent
  3    it is not known whether the call was accepted: do not simply repeat it
  124  --timeout passed
  130  interrupted
`;
