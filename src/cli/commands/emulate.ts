import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import type { Command } from "commander";
import { InvalidArgumentError } from "../../errors/arguments.ts";
import { EXIT } from "../../terminal/exit-code.ts";
import type { Cli, Io } from "../cli.ts";

const HELP = `
Without a program it serves until Ctrl-C. With one it serves for as long as the
program runs, and exits with the program's own exit code. The program finds
FAL_HOST and FAL_KEY in its environment, in place of any real ones.

Examples:
  fal-chain emulate
  fal-chain emulate --port 9000 --seed 7
  fal-chain emulate -- node app.ts --its-own-option
  fal-chain emulate -- fal-chain call fal-ai/flux/schnell prompt="a fox"
`;

export function addEmulate(program: Command, cli: Cli): void {
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
    .addHelpText("after", HELP)
    .action(async (words, options) => {
      cli.exitCode = await emulate(cli.io, words, options);
    });
}

interface EmulateOptions {
  readonly port?: string;
  readonly seed?: string;
  readonly concurrency?: string;
}

/** What a client needs in its environment to reach the emulator. */
type Variables = Readonly<Record<string, string>>;

async function emulate(io: Io, program: readonly string[], options: EmulateOptions): Promise<number> {
  const { emulatorEnv, serveEmulator } = await import("../../emulator/index.ts");
  const [command, ...args] = program;
  const seed = integer("--seed", options.seed, 0);
  const concurrency = integer("--concurrency", options.concurrency, 1);
  const { url, close } = await serveEmulator({
    // A program is told where the emulator is; a person wants to find it where it was yesterday.
    port: integer("--port", options.port, 0, 65_535) ?? (command ? 0 : 8787),
    ...(seed !== undefined && { seed }),
    ...(concurrency !== undefined && { concurrency }),
  });
  const variables = emulatorEnv(url);
  try {
    if (!command) return await serveUntilStopped(io, url, variables);
    io.stderr.write(`The emulator is on ${url}.\n`);
    return await runProgram(io, command, args, variables);
  } finally {
    await close();
  }
}

async function serveUntilStopped({ stdout }: Io, url: string, variables: Variables): Promise<number> {
  const stopped = new AbortController();
  const options = { signal: stopped.signal };
  // Listening before the address is out: who reads it may stop us at once.
  const stop = Promise.race([once(process, "SIGINT", options), once(process, "SIGTERM", options)]);
  const exports = Object.entries(variables).map(([name, value]) => `  export ${name}=${value}\n`);
  stdout.write(`The emulator is on ${url}. In another terminal:\n${exports.join("")}Ctrl-C stops it.\n`);
  await stop;
  stopped.abort();
  return EXIT.ok;
}

async function runProgram(
  { env }: Io,
  command: string,
  args: readonly string[],
  variables: Variables,
): Promise<number> {
  const child = spawn(command, args, { stdio: "inherit", env: { ...env, ...variables } });
  // At a terminal Ctrl-C reaches the program as it reaches us: passed on, it would count twice.
  const atTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  const pass = (name: NodeJS.Signals) => {
    if (name !== "SIGINT" || !atTerminal) child.kill(name);
  };
  process.on("SIGINT", pass).on("SIGTERM", pass);
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    return signal ? 128 + constants.signals[signal] : (code ?? EXIT.failed);
  } catch (cause) {
    throw new InvalidArgumentError(`${JSON.stringify(command)} could not be started: ${reason(cause)}.`, {
      cause,
    });
  } finally {
    process.off("SIGINT", pass).off("SIGTERM", pass);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such program",
  EACCES: "it is not executable",
};

const reason = (cause: unknown): string =>
  REASONS[(cause as NodeJS.ErrnoException).code ?? ""] ?? (cause as Error).message;

function integer(name: string, text: string | undefined, least: number, most = Number.MAX_SAFE_INTEGER) {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  const range = most === Number.MAX_SAFE_INTEGER ? `${least} up` : `${least} to ${most}`;
  throw new InvalidArgumentError(`${name} is ${JSON.stringify(text)}; it is a whole number from ${range}.`);
}
