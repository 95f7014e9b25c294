import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { emulatorEnv, serveEmulator } from "../../emulator/index.ts";
import { InvalidArgumentError } from "../../index.ts";
import { EXIT } from "../../terminal/index.ts";
import type { Io } from "../io.ts";

export interface EmulateOptions {
  readonly port?: string;
  readonly seed?: string;
  readonly concurrency?: string;
}

/** Serves an emulator until it is stopped; or, with a program, for as long as that runs, which then is told of it. */
export async function emulate(io: Io, program: readonly string[], options: EmulateOptions): Promise<number> {
  const [command, ...args] = program;
  const seed = integer("--seed", options.seed, 0);
  const concurrency = integer("--concurrency", options.concurrency, 1);
  const emulator = await serveEmulator({
    // A program is told where the emulator is; a person wants to find it where it was yesterday.
    port: integer("--port", options.port, 0, 65_535) ?? (command ? 0 : 8787),
    ...(seed !== undefined && { seed }),
    ...(concurrency !== undefined && { concurrency }),
  });
  try {
    return command ? await runProgram(io, command, args, emulator.url) : await untilStopped(io, emulator.url);
  } finally {
    await emulator.close();
  }
}

async function untilStopped({ stdout }: Io, url: string): Promise<number> {
  const stopped = new AbortController();
  const options = { signal: stopped.signal };
  // Listening before the address is out: who reads it may stop us at once.
  const stop = Promise.race([once(process, "SIGINT", options), once(process, "SIGTERM", options)]);
  const variables = Object.entries(emulatorEnv(url)).map(([name, value]) => `  export ${name}=${value}\n`);
  stdout.write(`The emulator is on ${url}. In another terminal:\n${variables.join("")}Ctrl-C stops it.\n`);
  await stop;
  stopped.abort();
  return EXIT.ok;
}

async function runProgram(
  { env, stderr }: Io,
  command: string,
  args: readonly string[],
  url: string,
): Promise<number> {
  stderr.write(`The emulator is on ${url}.\n`);
  const child = spawn(command, args, { stdio: "inherit", env: { ...env, ...emulatorEnv(url) } });
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
