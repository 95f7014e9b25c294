import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Emulator } from "fal-chain/emulator";
import { EXPECTED } from "./chain.ts";
import type { ChildOptions } from "./child.ts";

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
  const outcomes = options.runs.map((run) => {
    const ended = said.find((one) => one.run === run) ?? { state: "failed", error };
    return { ...judged(submitsOf(emulator, run), ended.state === "done"), ...ended, run } as Outcome;
  });
  return { kills, outcomes };
}

function judged(counts: ReadonlyMap<string, number>, isDone: boolean) {
  const names = [...new Set([...Object.keys(EXPECTED), ...counts.keys()])];
  const excess = (name: string): number => (counts.get(name) ?? 0) - (EXPECTED[name] ?? 0);
  return {
    twice: names.filter((name) => excess(name) > 0),
    missing: isDone ? names.filter((name) => excess(name) < 0) : [],
  };
}

/** How often the emulator accepted each input of a run. */
function submitsOf(emulator: Emulator, run: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { input } of emulator.jobs) {
    const { run: of, name } = (input ?? {}) as { run?: string; name?: string };
    if (of === run && name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

type Said = Pick<Outcome, "run" | "state" | "step" | "error">;

const CHILD = fileURLToPath(new URL("child.ts", import.meta.url));
/** One that hangs is a failure too. */
const PATIENCE_MS = 60_000;

async function execute(
  options: ChildOptions,
  env: Readonly<Record<string, string>>,
): Promise<{ killed: boolean; said: readonly Said[]; error: string }> {
  const args = ["--conditions=fal-chain-source", CHILD, JSON.stringify(options)];
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: PATIENCE_MS,
    killSignal: "SIGTERM",
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    err += chunk;
  });
  const signal = await new Promise<NodeJS.Signals | null>((resolve) => {
    child.on("close", (_, signal) => resolve(signal));
  });
  const last = out.trim().split("\n").at(-1) ?? "";
  const { said = [] } = last.startsWith("{") ? (JSON.parse(last) as { said?: Said[] }) : {};
  return { killed: signal === "SIGKILL", said, error: err.trim() || `ended by ${signal}` };
}
