import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { extname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ListenError } from "../errors/emulator.ts";
import {
  CONTROL,
  isProof,
  type OutlivingJob,
  proofOf,
  readState,
  type Started,
  type Told,
} from "./outliving-state.ts";
import { emulatedEnv, saysHowToReachFal } from "./unless-key.ts";

/** An emulator in a process of its own. */
export interface OutlivingEmulator {
  readonly url: string;
  /** Whether an earlier program had started it: it still has what that one called. */
  readonly survived: boolean;
  /** The requests that it accepted, oldest first. */
  jobs(): Promise<readonly OutlivingJob[]>;
}

export interface OutlivingOptions {
  /** Where it is noted how the emulator can be reached. Made if there is none. */
  readonly directory: string;
  /** @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How long it goes on when nobody asks it for anything, in milliseconds. @default 600_000 */
  readonly idleMs?: number;
}

/**
 * As `emulatorUnlessKey`, for programs that keep their runs: the emulator outlives them, also when they are killed, and
 * the next program that names the same directory finds it again, with all that was called. `close` ends it; one that is
 * left ends by itself.
 *
 * @throws {ListenError} when it does not start.
 */
export async function outlivingEmulatorUnlessKey({
  directory,
  env = process.env,
  idleMs = 600_000,
}: OutlivingOptions): Promise<{
  env: Readonly<Record<string, string | undefined>>;
  emulator: OutlivingEmulator | undefined;
  close(): Promise<void>;
}> {
  if (saysHowToReachFal(env)) return { env, emulator: undefined, close: async () => {} };
  const file = resolve(directory, "emulator.json");
  const known = readState(file);
  const survived = known !== undefined && (await jobsOf(known).catch(() => undefined)) !== undefined;
  const reached = survived ? known : await start(file, idleMs);
  return {
    env: emulatedEnv(env, reached.url),
    emulator: { url: reached.url, survived, jobs: () => jobsOf(reached) },
    async close() {
      // One that is gone already is closed.
      await tell(reached, "DELETE").catch(() => {});
    },
  };
}

type Reached = Pick<Told, "token"> & Started;

const jobsOf = async (reached: Reached): Promise<readonly OutlivingJob[]> =>
  (await (await tell(reached, "GET")).json()) as OutlivingJob[];

/** How long whatever listens there may take to show that it is the one that is meant. */
const PATIENCE_MS = 10_000;

/**
 * Asks an emulator that has proved itself. Something else may listen on its port by now, and would learn nothing.
 *
 * @throws {Error} where it is another one.
 */
async function tell({ url, token }: Reached, method: "GET" | "DELETE"): Promise<Response> {
  const ask = (headers: Record<string, string>) =>
    fetch(url + CONTROL.path, {
      method,
      headers,
      redirect: "error",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  const mine = randomBytes(16).toString("hex");
  const { headers } = await ask({ [CONTROL.challenge]: mine });
  const challenge = headers.get(CONTROL.challenge);
  if (
    challenge === null ||
    !isProof(headers.get(CONTROL.proof), proofOf(token, "emulator", `${url} ${mine}`))
  ) {
    throw new Error(`What listens at ${url} is another emulator, or none.`);
  }
  const proof = proofOf(token, "program", `${url} ${method} ${challenge}`);
  const reply = await ask({ [CONTROL.proof]: `${challenge} ${proof}` });
  if (!reply.ok) throw new Error(`The emulator at ${url} answered ${reply.status}.`);
  return reply;
}

/** The file beside this one, as source or compiled. */
const PROCESS = fileURLToPath(
  new URL(`outliving-process${extname(new URL(import.meta.url).pathname)}`, import.meta.url),
);

/** In a session of its own, so that a Ctrl-C at our terminal does not reach it. */
async function start(file: string, idleMs: number): Promise<Reached> {
  const told: Told = { file, idleMs, token: randomBytes(16).toString("hex") };
  const child = fork(PROCESS, { detached: true, stdio: "ignore" });
  child.send(told);
  try {
    const { url } = await new Promise<Started>((resolve, reject) => {
      child.once("message", (message) => resolve(message as Started));
      child.once("error", reject);
      child.once("exit", (code, signal) => reject(new Error(`it ended with ${signal ?? `code ${code}`}`)));
    });
    return { url, token: told.token };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ListenError(`The emulator could not start: ${why}. Is ${file} writable?`, { cause });
  } finally {
    child.removeAllListeners();
    if (child.connected) child.disconnect();
    child.unref();
  }
}
