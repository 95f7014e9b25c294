import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll } from "vitest";
import { type Env, FORGETFUL } from "./cli.ts";

const root = join(import.meta.dirname, "../..");
export const BIN = join(root, "src/cli/bin.ts");
export const POSTER = join(root, "examples/01-poster.ts");

/**
 * In a process with this, an hour of waiting takes three minutes. The emulator that outlives the poster waits ten for
 * somebody to ask: half a minute, which is enough for the next process to start on a busy machine.
 */
const HASTE = `--import=data:text/javascript,${encodeURIComponent(
  "const { setTimeout } = globalThis; globalThis.setTimeout = (fn, ms, ...rest) => setTimeout(fn, (ms ?? 0) / 20, ...rest);",
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
    /** What both outputs hold by now. */
    written: () => written.stdout + written.stderr,
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
