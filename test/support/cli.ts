import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { birefnet, emulatorEnv, esrgan, fluxSchnell, type Model, serveEmulator } from "fal-chain/emulator";
import { afterAll } from "vitest";
import { echo } from "./models.ts";
import { Screen } from "./screen.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** A stand-in that takes no time. */
const quick = <I>(model: Model<I>, change = (input: I): I => input): Model<I> => ({
  ...model,
  takes: [0.02, 0.02],
  run: (input, context) => model.run(change(input), context),
});

/** Runs until it is cancelled. */
const endless = echo({ id: "acme/endless", seconds: 3_600 });

/** An emulator on a port, whose models take no time, and what a client of it needs in its environment. */
export async function emulated(...more: Model[]) {
  const models: Model[] = [
    quick(fluxSchnell, (input) => ({ ...input, image_size: { width: 64, height: 64 } })),
    quick(esrgan),
    quick(birefnet),
    echo({ seconds: 0.02, lines: ["half way"] }),
    endless,
    ...more,
  ];
  const server = await serveEmulator({ models, concurrency: 20 });
  return { ...server, env: emulatorEnv(server.url) as Env };
}

type Main = (
  argv: readonly string[],
  io: { stdout: Screen; stderr: Screen; stdin: AsyncIterable<string>; env: Env; cwd(): string },
) => Promise<number>;

/** No test writes into the home of who runs it. */
const FORGETFUL = { FAL_CHAIN_STORE: "memory" };

/** A directory that no project has. */
const NOWHERE = join("/", "nowhere");

/** Runs the command in this process. */
export async function command(
  main: Main,
  argv: readonly string[],
  {
    env = {},
    stdin = "",
    isTTY = false,
    cwd = NOWHERE,
  }: { env?: Env; stdin?: string; isTTY?: boolean; cwd?: string } = {},
) {
  const io = {
    stdout: new Screen(),
    stderr: new Screen({ isTTY }),
    env: { ...FORGETFUL, ...env },
    cwd: () => cwd,
    stdin: (async function* () {
      yield stdin;
    })(),
  };
  const code = await main(argv, io);
  return { code, stdout: io.stdout.written, stderr: isTTY ? io.stderr.text : io.stderr.written };
}

const root = join(import.meta.dirname, "../..");
export const BIN = join(root, "src/cli/bin.ts");
export const POSTER = join(root, "examples/01-poster.ts");

/** In a process with this, an hour of waiting takes a minute. */
const HASTE = `--import=data:text/javascript,${encodeURIComponent(
  "const { setTimeout } = globalThis; globalThis.setTimeout = (fn, ms, ...rest) => setTimeout(fn, (ms ?? 0) / 60, ...rest);",
)}`;

const running = new Set<ChildProcess>();
// One that a failed test left behind would go on for ever.
afterAll(() => {
  for (const left of running) left.kill("SIGKILL");
});

/** Runs a program of ours as a process of its own. */
export function child(file: string, argv: readonly string[], env: Env, { cwd = root, haste = false } = {}) {
  const { FAL_KEY: _, FAL_HOST: __, FORCE_COLOR: ___, ...clean } = process.env;
  const process_ = spawn(
    process.execPath,
    [...(haste ? [HASTE] : []), "--conditions=fal-chain-source", file, ...argv],
    {
      cwd,
      env: { ...clean, ...FORGETFUL, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  running.add(process_);
  const written = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    process_[name].setEncoding("utf8").on("data", (text: string) => {
      written[name] += text;
      for (const listener of listeners) listener();
    });
  }
  const ended = once(process_, "close").then(([code, signal]) => {
    running.delete(process_);
    return { code, signal, ...written };
  });
  return {
    process: process_,
    ended,
    /** Resolves once either output holds the text. */
    wrote: (text: string) =>
      new Promise<void>((resolve, reject) => {
        const look = () => {
          if ((written.stdout + written.stderr).includes(text)) resolve();
        };
        listeners.add(look);
        look();
        void ended.then((end) => reject(new Error(`it ended without ${text}: ${JSON.stringify(end)}`)));
      }),
  };
}
