import * as client from "fal-chain";
import * as apps from "fal-chain/app";
import * as emulation from "fal-chain/emulator";
import * as postgres from "fal-chain/postgres";
import * as proxies from "fal-chain/proxy";
import * as sqlite from "fal-chain/sqlite";
import * as worker from "fal-chain/worker";
import * as z from "zod";
import { postgresUrl } from "../support/postgres.ts";

// What a block of the pages imports when it is run: the package, at an emulator instead of fal.

export * from "fal-chain";
export {
  AppError,
  cached,
  FieldError,
  isMain,
  lifecycle,
  retryElsewhere,
  runner,
  stopRunner,
} from "fal-chain/app";
export * from "fal-chain/emulator";
export { useCall, useRun } from "fal-chain/react";
export * from "fal-chain/schemas";
export * from "fal-chain/terminal";
export * from "fal-chain/testing";
export * from "fal-chain/webhooks";
export * from "fal-chain/worker";

/** A stand-in that draws small pictures. */
const small: emulation.Model = {
  ...emulation.fluxSchnell,
  run: (input, context) =>
    emulation.fluxSchnell.run(
      {
        ...(input as Parameters<typeof emulation.fluxSchnell.run>[0]),
        image_size: { width: 32, height: 32 },
      },
      context,
    ),
};

const other = (id: string, output: unknown): emulation.Model => ({
  id,
  title: id,
  price: { unit: "requests", unitPrice: 0.01 },
  input: z.unknown(),
  notice: "stand-in",
  takes: [1, 1],
  stages: () => ["working"],
  run: async () => ({ output, units: 1 }),
});

export interface Stage {
  readonly emulator: emulation.Emulator;
  /** Ends what the block has left open. */
  close(): Promise<void>;
}

let defaults: client.FalOptions = {};
let directory = "";
let database = "";
let left: (() => Promise<unknown>)[] = [];

/** The client of whichever block is on stage. */
export let fal = client.fal;

/** @param into A directory for what the block writes. */
export async function setStage(into: string, needsDatabase: boolean): Promise<Stage> {
  const emulator = emulation.createEmulator({
    timeScale: 0,
    models: [
      small,
      emulation.esrgan,
      emulation.router,
      emulation.fastLightningSdxl,
      emulation.birefnet,
      other("fal-ai/whisper", { text: "hello" }),
      other("acme/painter", { image: { url: "https://example.com/fox.png" } }),
    ],
  });
  defaults = {
    env: { FAL_KEY: "any:key" },
    fetch: (input, init) => emulator.fetch(new Request(input, init)),
    webSocket: emulator.WebSocket,
    logger: { warn() {} },
  };
  directory = into;
  database = needsDatabase ? await postgresUrl() : "";
  left = [() => emulator.close()];
  fal = createFal();
  return {
    emulator,
    async close() {
      for (const close of left.reverse()) await close();
    },
  };
}

export function createFal(options: client.FalOptions = {}): client.Fal {
  const made = client.createFal({
    ...defaults,
    ...options,
    env: { ...defaults.env, ...options.env },
    ...(options.keepFiles && { keepFiles: `${directory}/media` }),
  });
  left.push(() => made.close());
  return made;
}

export const sqliteStore: typeof sqlite.sqliteStore = (path, options) =>
  sqlite.sqliteStore(`${directory}/${path}`, options);

export function postgresStore(): client.Store {
  const store = postgres.postgresStore(database);
  left.push(() => store.close());
  return store;
}

export function createQueue(options: worker.QueueOptions): worker.RunQueue {
  const queue = worker.createQueue({ ...options, url: database });
  left.push(() => queue.close());
  return queue;
}

export const startWorker: typeof worker.startWorker = (options) =>
  worker.startWorker({ ...options, url: database });

export const defineApp: typeof apps.defineApp = (options) =>
  apps.defineApp({ ...options, fal, logger: { warn() {} } });

export const createProxy: typeof proxies.createProxy = (options) => proxies.createProxy({ fal, ...options });

export const secrets: typeof client.secrets = (schemas) =>
  client.secrets(schemas, { DATABASE_URL: "https://database.example" });
