import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import type { Emulator } from "fal-chain/emulator";
import { EXPECTED } from "./chain.ts";
import type { ChildOptions, Said } from "./child.ts";

export interface Outcome {
  readonly run: string;
  readonly state: "done" | "blocked" | "failed";
  readonly step?: string;
  readonly error?: string;
  /** Inputs that were submitted more often than the chain asks for. */
  readonly twice: readonly string[];
  /** Inputs that were submitted too seldom although the run ended. */
  readonly missing: readonly string[];
}

export interface RoundOptions extends Omit<ChildOptions, "killAt"> {
  readonly env: Readonly<Record<string, string>>;
  readonly emulator: Emulator;
  /** Where each process of the round dies; the one after the last lives. */
  readonly deaths: readonly number[];
}

export interface Round {
  readonly kills: number;
  readonly outcomes: readonly Outcome[];
}

/** Some runs in one process, killed as often as is said, and then brought to their ends. */
export async function round({ env, emulator, deaths, ...options }: RoundOptions): Promise<Round> {
  let kills = 0;
  for (const killAt of deaths) {
    const { killed } = await execute({ ...options, killAt }, env);
    if (killed) kills++;
  }
  const { said, error } = await execute(options, env);
  return { kills, outcomes: outcomesOf(options.runs, emulator, said, error) };
}

/** Its lease, and how long its successor has to wait for it. */
const LEASE_MS = 1_500;

/** Some runs in a process that stands still, until another one has brought them to their ends; then it wakes. */
export async function standstill({ env, emulator, deaths, ...options }: RoundOptions): Promise<Round> {
  const [stopAt = 0] = deaths;
  const first = start({ ...options, stopAt, leaseMs: LEASE_MS }, env);
  const stopped = await first.stopped;
  const { said, error } = await execute({ ...options, leaseMs: LEASE_MS }, env);
  first.wake();
  await first.ended;
  return { kills: stopped ? 1 : 0, outcomes: outcomesOf(options.runs, emulator, said, error) };
}

function outcomesOf(
  runs: readonly string[],
  emulator: Emulator,
  said: readonly Said[],
  error: string,
): Outcome[] {
  return runs.map((run) => {
    const ended = said.find((one) => one.run === run) ?? { state: "failed", error };
    return { ...judged(submitsOf(emulator, run), ended.state === "done"), ...ended, run } as Outcome;
  });
}

export function judged(counts: ReadonlyMap<string, number>, isDone: boolean) {
  const names = [...new Set([...Object.keys(EXPECTED), ...counts.keys()])];
  const excess = (name: string): number => (counts.get(name) ?? 0) - (EXPECTED[name] ?? 0);
  return {
    twice: names.filter((name) => excess(name) > 0),
    missing: isDone ? names.filter((name) => excess(name) < 0) : [],
  };
}

/** How often the emulator accepted each input of a run. */
export function submitsOf(emulator: Emulator, run: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { input } of emulator.jobs) {
    const { run: of, name } = (input ?? {}) as { run?: string; name?: string };
    if (of === run && name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

const COMPILED = join(tmpdir(), "fal-chain-kill-compiled");
const CHILD = bundled(fileURLToPath(new URL("child.ts", import.meta.url)));

/** In one file: two thirds of what a start costs is reading many, and stripping them of their types. */
function bundled(entry: string): string {
  const dir = mkdtempSync(join(tmpdir(), "fal-chain-kill-child-"));
  process.once("exit", () => rmSync(dir, { recursive: true, force: true }));
  const outfile = join(dir, "child.mjs");
  buildSync({
    entryPoints: [entry],
    ...{ outfile, bundle: true, platform: "node", format: "esm", logLevel: "error" },
    conditions: ["fal-chain-source"],
    external: ["pg-native"],
    // What is CommonJS among it asks for Node's own modules.
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
  });
  return outfile;
}
/** One that hangs is a failure too. */
const PATIENCE_MS = 60_000;

interface Ended {
  readonly killed: boolean;
  readonly said: readonly Said[];
  readonly error: string;
}

const execute = (options: ChildOptions, env: Readonly<Record<string, string>>): Promise<Ended> =>
  start(options, env).ended;

function start(options: ChildOptions, env: Readonly<Record<string, string>>) {
  const child = spawnChild(options, env);
  const said: Said[] = [];
  child.onLine((line) => {
    if ("end" in line) said.push((line as { end: Said }).end);
  });
  const ended = child.closed.then(({ signal, error }): Ended => {
    return { killed: signal === "SIGKILL", said, error: error || `ended by ${signal}` };
  });
  return {
    ended,
    /** Whether it came to stand still before it ended. */
    stopped: standsStill(child.pid, ended),
    wake: child.wake,
  };
}

/** A process that executes runs, and says on a line when it has begun and when each of them has ended. */
export function spawnChild(options: ChildOptions, env: Readonly<Record<string, string>>) {
  const args = [CHILD, JSON.stringify(options)];
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE: COMPILED, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: PATIENCE_MS,
    killSignal: "SIGKILL",
  });
  let err = "";
  child.stderr.on("data", (chunk) => {
    err += chunk;
  });
  const lines = createInterface({ input: child.stdout });
  const closed = new Promise<NodeJS.Signals | null>((resolve) => {
    child.on("close", (_, signal) => resolve(signal));
  }).then((signal) => ({ signal, error: err.trim() }));
  return {
    pid: child.pid ?? 0,
    closed,
    onLine: (tell: (line: object) => void) => {
      lines.on("line", (line) => {
        if (line.startsWith("{") && line.endsWith("}")) tell(JSON.parse(line));
      });
    },
    kill: () => child.kill("SIGKILL"),
    wake: () => child.kill("SIGCONT"),
  };
}

/** Linux says so in the process's state. */
async function standsStill(pid: number, ended: Promise<unknown>): Promise<boolean> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  while (!over) {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    if (stat.slice(stat.lastIndexOf(")") + 2).startsWith("T")) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}
