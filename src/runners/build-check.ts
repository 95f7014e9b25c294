import { spawn } from "node:child_process";
import { once } from "node:events";
import { pathToFileURL } from "node:url";
import { isRunnerMessage } from "./messages.ts";
import { besideThis } from "./runner-process.ts";

/** What became of an app that was imported as while its image is built. */
export interface BuildCheck {
  /** It could be imported, without a single variable. */
  readonly passed: boolean;
  /** Variables of the platform that it looked for meanwhile, and that are not there while an image is built. */
  readonly reads: readonly string[];
  /** What it wrote, its error included. */
  readonly output: string;
}

/** How long an import may take, in milliseconds. */
const WITHIN_MS = 60_000;

/** Imports an app in a process with an empty environment. */
export async function buildCheck(
  file: string,
  { cwd, execArgv = process.execArgv }: { readonly cwd: string; readonly execArgv?: readonly string[] },
): Promise<BuildCheck> {
  const program = `await import(${JSON.stringify(pathToFileURL(file).href)}); process.send({ falChain: "loaded" });`;
  const child = spawn(
    process.execPath,
    [...execArgv, `--import=${besideThis("build-check-preload")}`, "--input-type=module", "--eval", program],
    { cwd, env: {}, stdio: ["ignore", "pipe", "pipe", "ipc"], timeout: WITHIN_MS, killSignal: "SIGKILL" },
  );
  const reads = new Set<string>();
  let passed = false;
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  child.on("message", (message) => {
    if (!isRunnerMessage(message)) return;
    if (message.falChain === "read") reads.add(message.variable);
    if (message.falChain !== "loaded") return;
    passed = true;
    // What it has left open does not concern an image.
    child.kill("SIGKILL");
  });
  await once(child, "close");
  return { passed, reads: [...reads], output };
}
