import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createFal, type Fal, type FalOptions, type Store } from "fal-chain";
import { type EmulatorServer, serveEmulator } from "fal-chain/emulator";
import { type PostgresOptions, postgresStore } from "fal-chain/postgres";
import {
  createQueue,
  type RunQueue,
  startWorker,
  type WorkerEvent,
  type WorkerOptions,
} from "fal-chain/worker";
import { onTestFinished } from "vitest";
import { echo } from "../support/models.ts";
import { freshSchema, postgresUrl } from "../support/postgres.ts";
import { ECHO } from "./three.ts";

/** A database, a platform and a queue of their own, on real time: the database's cannot be moved. */
export interface Site {
  readonly emulator: EmulatorServer["emulator"];
  readonly fal: Fal;
  readonly queue: RunQueue;
  /** The database, as a store of its own. */
  store(): Store;
  /** Another client of the same store. */
  client(options?: FalOptions): Fal;
  /** In this process. */
  worker(
    fal: Fal,
    options: Pick<WorkerOptions, "chains"> & Partial<WorkerOptions>,
  ): Promise<{ events: WorkerEvent[]; stop: () => Promise<void>; until: Until }>;
  /** In a process of its own. */
  process(options?: ProcessOptions): ChildWorker;
}

export interface ProcessOptions {
  readonly concurrency?: number;
  /** The port that it has instead of the database's. */
  readonly port?: number;
  /** So that it does not wait as long as a real one. */
  readonly haste?: { readonly store: PostgresOptions; readonly client: Pick<FalOptions, "lease"> };
  readonly env?: Readonly<Record<string, string>>;
}

/** Resolves once the worker has told of `count` such events. */
export type Until = (type: WorkerEvent["type"] | "ready", count?: number) => Promise<void>;

export interface ChildWorker {
  readonly events: WorkerEvent[];
  readonly until: Until;
  kill(signal: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT"): void;
  readonly ended: Promise<{ code: number | null; stderr: string }>;
}

/** So that no call waits long for a runner. */
const PACE = 0.1;

const CHILD = join(import.meta.dirname, "children", "worker.ts");

/** @param options.callMs How long a call takes. @param options.hold What a call waits for besides. */
export async function site(
  options: {
    callMs?: number;
    hold?: (input: Record<string, unknown>) => Promise<void> | undefined;
    /** @default the one that all tests share */
    database?: string;
  } = {},
): Promise<Site> {
  const { callMs = 20, hold, database } = options;
  const model = echo({ id: ECHO, seconds: callMs / 1_000 / PACE });
  const held: typeof model = {
    ...model,
    async run(input, ...rest) {
      await hold?.(input);
      return model.run(input, ...rest);
    },
  };
  const url = database ?? (await postgresUrl());
  const [schema, jobs] = [freshSchema(), freshSchema()];
  const server = await serveEmulator({
    models: [held],
    concurrency: 40,
    timeScale: PACE,
  });
  const env = { FAL_HOST: server.url, FAL_KEY: "any:key" };
  const closing: (() => Promise<unknown>)[] = [() => server.close()];
  // The last that was opened is the first to be closed.
  onTestFinished(async () => {
    for (const close of closing.reverse()) await close();
  });

  const open = (): Store => {
    const store = postgresStore(url, { schema, max: 4 });
    closing.push(() => store.close());
    return store;
  };
  const client = (options: FalOptions = {}): Fal => {
    const fal = createFal({ env, store: options.store ?? open(), ...options });
    closing.push(() => fal.close());
    return fal;
  };
  const fal = client();
  const queue = createQueue({ fal, url, schema: jobs });
  closing.push(() => queue.close());

  return {
    emulator: server.emulator,
    fal,
    queue,
    store: open,
    client,
    async worker(of, options) {
      const { told, events, until } = listener();
      const worker = await startWorker({
        fal: of,
        url,
        schema: jobs,
        pollInterval: 20,
        onEvent: told,
        ...options,
      });
      closing.push(() => worker.stop());
      return { events, until, stop: () => worker.stop() };
    },
    process({ concurrency = 4, port, haste, env: more } = {}) {
      const { told, events, until } = listener();
      const at = port === undefined ? url : Object.assign(new URL(url), { port: `${port}` }).href;
      const args = JSON.stringify({ url: at, schema, jobs, concurrency, haste });
      const child = spawn(process.execPath, ["--conditions=fal-chain-source", CHILD, args], {
        env: { PATH: process.env["PATH"], ...env, ...more },
      });
      let stderr = "";
      child.stderr.on("data", (text) => {
        stderr += text;
      });
      createInterface(child.stdout).on("line", (line) => told(JSON.parse(line)));
      const ended = once(child, "close").then(([code]) => ({ code: code as number | null, stderr }));
      closing.push(async () => {
        child.kill("SIGKILL");
        await ended;
      });
      return { events, until, ended, kill: (signal) => void child.kill(signal) };
    },
  };
}

function listener() {
  const events: WorkerEvent[] = [];
  const waiting = new Set<() => void>();
  return {
    events,
    told(event: WorkerEvent) {
      events.push(event);
      for (const look of waiting) look();
    },
    until: ((type, count = 1) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (events.filter((event) => (event.type as string) === type).length < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      })) satisfies Until,
  };
}
