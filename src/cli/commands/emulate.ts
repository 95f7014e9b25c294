import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import type { Emulator, EmulatorServer, FaultScript } from "../../emulator/index.ts";
import { dataHome } from "../../environment/data-home.ts";
import { InvalidArgumentError } from "../../errors/arguments.ts";
import { EXIT } from "../../terminal/exit-code.ts";
import type { Cli, Io } from "../cli.ts";
import { whatItServes } from "../emulate/models.ts";

const HELP = `
Without a program it serves until Ctrl-C. With one it serves for as long as the
program runs, and exits with the program's own exit code. The program finds
FAL_HOST and FAL_KEY in its environment, in place of any real ones; a Node
program needs to know of neither, as its calls to fal's own hosts are led here.

Its requests and files are kept for a week, by port, or for programs by the
directory that they are started in, which keeps its port too: what was killed is
resumed against the same requests.

Examples:
  fal-chain emulate
  fal-chain emulate --port 9000 --seed 7
  fal-chain emulate --speed 20 --make "esrgan fail once" -- node app.ts
  fal-chain emulate --schema fal-endpoints.ts --model ./my-model.ts
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
    .option("--speed <times>", "how many times as fast as usual everything runs: 20, or 0.5 (default: 1)")
    .option(
      "--make <words>",
      'what shall go wrong: "esrgan fail once"; may be repeated',
      (one, all) => [...all, one],
      [] as string[],
    )
    .option("--faults <file>", "a JSON file of what shall go wrong")
    .option("--state <dir>", "keep requests, files and the port there, for the next start")
    .option("--record <dir>", "pass everything to the real fal, which is paid, and keep it there as files")
    .option("--replay <dir>", "answer from such files, and what they lack from the stand-ins")
    .option("--strict", "with --replay: what was not recorded is an error")
    .option("--forget", "begin without the requests of earlier starts")
    .option("--seed <number>", "makes request ids and pictures repeatable")
    .option("--concurrency <number>", "requests that run at once (default: 2)")
    .option("--schema <file...>", "stand-ins made from OpenAPI documents, or from what pull has written")
    .option("--model <file...>", "stand-ins of your own: modules that export models")
    .option(
      "--prices <file>",
      'JSON of other prices: {"acme/painter": {"unit": "images", "unitPrice": 0.02}}',
    )
    .passThroughOptions()
    .addHelpText("after", HELP)
    .action(async (words, options) => {
      cli.exitCode = await emulate(cli.io, words, options);
    });
}

interface EmulateOptions {
  readonly port?: string;
  readonly speed?: string;
  readonly make?: readonly string[];
  readonly faults?: string;
  readonly state?: string;
  readonly record?: string;
  readonly replay?: string;
  readonly strict?: boolean;
  readonly forget?: boolean;
  readonly seed?: string;
  readonly concurrency?: string;
  readonly schema?: readonly string[];
  readonly model?: readonly string[];
  readonly prices?: string;
}

async function emulate(io: Io, program: readonly string[], options: EmulateOptions): Promise<number> {
  const { emulatorEnv, routedEnv } = await import("../../emulator/index.ts");
  const [command, ...args] = program;
  const { url, emulator, close } = await serve(io, command !== undefined, options).catch((cause) => {
    throw cause instanceof RangeError ? new InvalidArgumentError(cause.message, { cause }) : cause;
  });
  const pass = await passing(io, emulator, options).catch(async (error) => {
    await close();
    throw error;
  });
  try {
    const earlier = emulator.jobs.length;
    if (earlier > 0) {
      const requests = earlier === 1 ? "1 request" : `${earlier} requests`;
      io.stderr.write(`It has ${requests} of earlier starts; --forget begins without them.\n`);
    }
    if (!command) return await serveUntilStopped(io, url, emulatorEnv(url));
    io.stderr.write(`The emulator is on ${url}.\n`);
    const code = await runProgram(command, args, routedEnv(io.env, url));
    return code === EXIT.ok ? verified(io, emulator) : code;
  } finally {
    await close();
    await pass.close();
  }
}

/** Has something else answer: the real platform, or what it once said. */
async function passing(
  io: Io,
  emulator: Emulator,
  options: EmulateOptions,
): Promise<{ close(): Promise<void> }> {
  const { record, replay, strict = false } = options;
  const { recordTo, replayFrom } = await import("../../emulator/index.ts");
  if (record !== undefined && replay !== undefined) {
    throw new InvalidArgumentError("--record and --replay are for different starts: name one of them.");
  }
  if (record !== undefined) {
    const key = io.env["FAL_KEY"]?.trim();
    if (!key)
      throw new InvalidArgumentError("--record asks the real fal: set FAL_KEY. Its calls are paid for.");
    const host = io.env["FAL_HOST"]?.trim();
    const upstream = host && /^https?:/.test(host) ? host.replace(/\/+$/, "") : undefined;
    const recorder = recordTo(resolve(io.cwd(), record), { key, ...(upstream && { upstream }) });
    emulator.fetch = recorder.fetch;
    return recorder;
  }
  if (replay !== undefined) {
    const directory = resolve(io.cwd(), replay);
    emulator.fetch = replayFrom(directory, { emulator: emulator.fetch, strict });
  }
  return { close: async () => {} };
}

/** A fault that never happened leaves untested what was run to test it. */
function verified({ stderr }: Io, { faults }: Emulator): number {
  try {
    faults.verify();
    return EXIT.ok;
  } catch (error) {
    stderr.write(`${(error as Error).message}\n`);
    return EXIT.failed;
  }
}

/** A program is told where the emulator is; a person wants to find it where it was yesterday. */
async function serve(io: Io, forProgram: boolean, options: EmulateOptions): Promise<EmulatorServer> {
  const { serveEmulator } = await import("../../emulator/index.ts");
  const seed = integer("--seed", options.seed, 0);
  const concurrency = integer("--concurrency", options.concurrency, 1);
  const given = integer("--port", options.port, 0, 65_535);
  const speed = speedOf(options.speed);
  const port = given ?? (forProgram || options.state !== undefined ? 0 : 8787);
  const settings = {
    port,
    faults: faultsOf(io, options),
    ...(speed !== undefined && { timeScale: 1 / speed }),
    ...(seed !== undefined && { seed }),
    ...(concurrency !== undefined && { concurrency }),
    ...(await whatItServes(io, options)),
  };
  if (options.state !== undefined) {
    const directory = resolve(io.cwd(), options.state);
    return serveEmulator({ ...settings, directory, forget: options.forget ?? false });
  }
  if (options.record !== undefined || options.replay !== undefined) return serveEmulator(settings);
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

function speedOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const speed = Number(text.replace(/x$/, ""));
  if (speed > 0 && Number.isFinite(speed)) return speed;
  const what = "it is how many times as fast as usual everything runs: 20, or 0.5";
  throw new InvalidArgumentError(`--speed is ${JSON.stringify(text)}; ${what}.`);
}

function faultsOf({ cwd }: Io, { make = [], faults }: EmulateOptions): FaultScript[] {
  if (faults === undefined) return [...make];
  try {
    const said: unknown = JSON.parse(readFileSync(resolve(cwd(), faults), "utf8"));
    return [...make, ...((Array.isArray(said) ? said : [said]) as FaultScript[])];
  } catch (cause) {
    const why = (cause as Error).message;
    throw new InvalidArgumentError(`--faults ${faults} cannot be read: ${why}.`, { cause });
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
  stdout.write(`${firstScreen(url, variables)}Ctrl-C stops it.\n`);
  await stop;
  stopped.abort();
  return EXIT.ok;
}

/** How each kind of client is pointed at it: a line each, to be copied. */
function firstScreen(url: string, variables: Readonly<Record<string, string>>): string {
  const exports = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  return `The emulator is on ${url}. Nothing is paid, and any key will do.

any Node program, as it is
  fal-chain emulate -- node app.js
fal-chain, in another terminal
  export ${exports.join(" ")}
@fal-ai/client, in a page
  fal.config({ proxyUrl: "${url}" })
curl, and other languages: fal's paths, after queue, run, rest, api or files
  curl ${url}/queue/fal-ai/flux/schnell \\
    -H "Authorization: Key any:key" -d '{"prompt": "a fox"}'
what was asked and billed
  curl ${url}/_emulator/requests

`;
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
