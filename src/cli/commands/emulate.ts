import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { constants } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import type { EmulatorServer } from "../../emulator/index.ts";
import { dataHome } from "../../environment/data-home.ts";
import { InvalidArgumentError } from "../../errors/arguments.ts";
import { EXIT } from "../../terminal/exit-code.ts";
import type { Cli, Io } from "../cli.ts";

const HELP = `
Without a program it serves until Ctrl-C. With one it serves for as long as the
program runs, and exits with the program's own exit code. The program finds
FAL_HOST and FAL_KEY in its environment, in place of any real ones.

Its requests and files are kept for a week, by port, or for programs by the
directory that they are started in, which keeps its port too: what was killed is
resumed against the same requests.

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
    .option("--forget", "begin without the requests of earlier starts")
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
  readonly forget?: boolean;
  readonly seed?: string;
  readonly concurrency?: string;
}

async function emulate(io: Io, program: readonly string[], options: EmulateOptions): Promise<number> {
  const { emulatedEnv, emulatorEnv } = await import("../../emulator/index.ts");
  const [command, ...args] = program;
  const { url, emulator, close } = await serve(io, command !== undefined, options);
  try {
    const earlier = emulator.jobs.length;
    if (earlier > 0) {
      const requests = earlier === 1 ? "1 request" : `${earlier} requests`;
      io.stderr.write(`It has ${requests} of earlier starts; --forget begins without them.\n`);
    }
    if (!command) return await serveUntilStopped(io, url, emulatorEnv(url));
    io.stderr.write(`The emulator is on ${url}.\n`);
    return await runProgram(command, args, emulatedEnv(io.env, url));
  } finally {
    await close();
  }
}

/** A program is told where the emulator is; a person wants to find it where it was yesterday. */
async function serve(io: Io, forProgram: boolean, options: EmulateOptions): Promise<EmulatorServer> {
  const { serveEmulator } = await import("../../emulator/index.ts");
  const seed = integer("--seed", options.seed, 0);
  const concurrency = integer("--concurrency", options.concurrency, 1);
  const given = integer("--port", options.port, 0, 65_535);
  const port = given ?? (forProgram ? 0 : 8787);
  const settings = {
    port,
    ...(seed !== undefined && { seed }),
    ...(concurrency !== undefined && { concurrency }),
  };
  const directory = given === 0 ? undefined : directoryOf(io, port);
  if (directory === undefined) return serveEmulator(settings);
  try {
    return await serveEmulator({ ...settings, directory, forget: options.forget ?? false });
  } catch (error) {
    const why = whyForgetful((error as Error).cause as NodeJS.ErrnoException | undefined, port);
    if (why === undefined) throw error;
    io.stderr.write(`${why}: this one forgets its requests when it ends.\n`);
    return serveEmulator(settings);
  }
}

/** Why an emulator can do without its directory; undefined where it cannot be there at all. */
function whyForgetful(cause: NodeJS.ErrnoException | undefined, port: number): string | undefined {
  if (cause?.syscall !== "listen") return cause?.message;
  const isTaken = port === 0 && cause.code === "EADDRINUSE";
  return isTaken ? "The port of this directory's emulator is in use" : undefined;
}

/** Where an emulator's requests are kept: by its port, or where that is any, by where its program is started. */
function directoryOf({ env, cwd }: Io, port: number): string | undefined {
  const home = dataHome(env);
  if (home === undefined) return undefined;
  const name = port === 0 ? createHash("sha256").update(cwd()).digest("hex").slice(0, 16) : `port-${port}`;
  return join(home, "emulator", name);
}

async function serveUntilStopped(
  { stdout }: Io,
  url: string,
  variables: Readonly<Record<string, string>>,
): Promise<number> {
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
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const child = spawn(command, args, { stdio: "inherit", env });
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
