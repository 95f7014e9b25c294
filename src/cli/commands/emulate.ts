import { spawn } from "node:child_process";
import { once } from "node:events";
import { emulatorEnv, serveEmulator } from "../../emulator/index.ts";
import { InvalidArgumentError } from "../../index.ts";
import { EXIT, type Io } from "../io.ts";

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
    port: integer("--port", options.port, 0) ?? (command ? 0 : 8787),
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
  const variables = Object.entries(emulatorEnv(url)).map(([name, value]) => `  export ${name}=${value}\n`);
  stdout.write(`The emulator is on ${url}. In another terminal:\n${variables.join("")}Ctrl-C stops it.\n`);
  const stopped = new AbortController();
  const options = { signal: stopped.signal };
  await Promise.race([once(process, "SIGINT", options), once(process, "SIGTERM", options)]);
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
  // The terminal sends Ctrl-C to both; the program decides what it means, and we follow it.
  const stay = () => {};
  const pass = () => child.kill("SIGTERM");
  process.on("SIGINT", stay).on("SIGTERM", pass);
  try {
    const [code, signal] = await once(child, "exit");
    return signal ? EXIT.interrupted : Number(code);
  } catch (cause) {
    throw new InvalidArgumentError(`${command} could not be started: ${(cause as Error).message}`, { cause });
  } finally {
    process.off("SIGINT", stay).off("SIGTERM", pass);
  }
}

function integer(name: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new InvalidArgumentError(
    `${name} is ${JSON.stringify(text)}; it is a whole number from ${least} up.`,
  );
}
