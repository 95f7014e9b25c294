import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { lineHider, withoutSecrets } from "../errors/secrets.ts";
import { type Runner, RunnerLost, type StartRunner } from "../gateway/runner.ts";
import { exchange, isReachable } from "./exchange.ts";
import { isRunnerMessage } from "./messages.ts";
import type { Reaper } from "./reaper.ts";
import { type RunnerFacts, runnerVariables } from "./variables.ts";

export interface ProcessOptions extends Omit<RunnerFacts, "jobId" | "url" | "secrets"> {
  /** The app's secrets as they are now. */
  secrets(): RunnerFacts["secrets"];
  /** The program: a file that Node runs. */
  readonly file: string;
  readonly cwd: string;
  /** Options of Node itself. @default those of this process */
  readonly execArgv?: readonly string[];
  /** Where the app listens: its `exposed_port`. */
  readonly exposedPort: number;
  readonly reaper: Reaper;
  /** A file of the app's own was loaded. */
  module(path: string): void;
}

/** The file beside this one, as source or compiled. */
export const besideThis = (name: string): string =>
  new URL(`${name}${extname(new URL(import.meta.url).pathname)}`, import.meta.url).href;

/**
 * Starts runners as processes of Node. Each leads a group of its own, with all that it starts: a Ctrl-C at the terminal does
 * not reach it, and nothing of it is left when it ends.
 */
export const runnerProcess =
  (options: ProcessOptions): StartRunner =>
  ({ line, platform: url = "" }) => {
    const jobId = randomUUID();
    const secrets = options.secrets();
    const child = spawnRunner(options, runnerVariables({ ...options, url, jobId, secrets }));
    // What it writes of its secrets is shown nowhere.
    const hide = lineHider(Object.values(secrets));
    const tell = (text: string) => line(hide(withoutSecrets(text)));
    readLines(child.stdout, tell);
    readLines(child.stderr, tell);
    const port = openPort(options.exposedPort, line);
    child.on("message", (message) => {
      if (!isRunnerMessage(message)) return;
      if (message.falChain === "module") options.module(message.path);
      if (message.falChain === "listening") port.listening(message.asked, message.port);
    });
    return runnerOf(child, jobId, { port: port.promise, reaper: options.reaper });
  };

/** How long an app may listen elsewhere until it is told that nobody calls it there, in milliseconds. */
const ELSEWHERE_MS = 3_000;

/** Waits for the port that the app is called at; a program may have others, as for its metrics. */
function openPort(exposedPort: number, line: (text: string) => void) {
  const { promise, resolve } = Promise.withResolvers<number>();
  const others = new Set<number>();
  let isOpen = false;
  const complain = () => {
    if (isOpen) return;
    const where = `It listens on ${[...others].join(", ")}, and is called on ${exposedPort}.`;
    line(`fal-chain: ${where} Have it listen there, or say --exposed-port.`);
  };
  return {
    promise,
    listening(asked: number, port: number) {
      if (asked === exposedPort) {
        isOpen = true;
        resolve(port);
      } else {
        if (others.size === 0) setTimeout(complain, ELSEWHERE_MS).unref();
        others.add(asked);
      }
    },
  };
}

function spawnRunner(options: ProcessOptions, env: Readonly<Record<string, string>>): ChildProcess {
  const { file, cwd, execArgv = process.execArgv } = options;
  mkdirSync(options.data, { recursive: true });
  return spawn(process.execPath, [...execArgv, `--import=${besideThis("preload")}`, file], {
    cwd,
    env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
}

function runnerOf(
  child: ChildProcess,
  jobId: string,
  { port, reaper }: { readonly port: Promise<number>; readonly reaper: Reaper },
): Runner {
  if (child.pid !== undefined) reaper.begun(child.pid);
  let open: number | undefined;
  let isGone = false;
  const exited = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`it could not be started: ${error.message}`));
    child.once("exit", (code, signal) => {
      isGone = true;
      endGroup(child);
      if (child.pid !== undefined) reaper.ended(child.pid);
      resolve(signal ?? `exit code ${code}`);
    });
  });
  return {
    jobId,
    pid: child.pid,
    exited,
    opened: port.then((number) => {
      open = number;
    }),
    async fetch(request) {
      if (open === undefined || isGone) throw new RunnerLost("refused", "The runner is not there");
      return exchange(open, request);
    },
    check: async () => open !== undefined && !isGone && (await isReachable(open)),
    stop: () => void child.kill("SIGTERM"),
    kill: () => {
      child.kill("SIGKILL");
      endGroup(child);
    },
  };
}

/** Whatever a runner has started and left behind. */
function endGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // There is nobody left.
  }
}

function readLines(stream: Readable | null, line: (text: string) => void): void {
  if (stream) createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on("line", line);
}
