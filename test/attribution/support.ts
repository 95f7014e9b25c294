import { createFal, type Fal, type FalOptions, memoryStore, type Store } from "fal-chain";
import {
  createEmulator,
  type Emulator,
  type Model,
  type VirtualClock,
  virtualClock,
} from "fal-chain/emulator";
import * as z from "zod";
import { echo } from "../support/models.ts";

/** What an app of the account `acme` does with a request, and what its answer's headers are. */
export type Handler = (
  fal: Fal,
  request: { headers: Headers },
) => Promise<Readonly<Record<string, string>> | undefined>;

export interface World {
  readonly emulator: Emulator;
  readonly clock: VirtualClock;
  /** The one ledger of all of acme's apps. */
  readonly store: Store;
  /** A client of somebody's; acme's are in runners when they have a `FAL_JOB_ID`. */
  client(account: string, options?: FalOptions): Fal;
}

/** Apps of `acme` that call each other and others' models, on one platform. Each request of an app costs 2 cents. */
export function world(apps: Readonly<Record<string, Handler>> = {}): World {
  const clock = virtualClock();
  const store = memoryStore({ clock });
  const client = (account: string, options: FalOptions = {}) =>
    createFal({
      env: { FAL_KEY: `${account}:s3cret`, FAL_USER_NICKNAME: account },
      clock,
      store,
      fetch: async (input, init) => emulator.fetch(new Request(input, init)),
      ...options,
    });
  const app = (id: string, handler: Handler): Model => ({
    id,
    title: id,
    price: { unit: "requests", unitPrice: 0.02 },
    input: z.looseObject({}),
    notice: "an app",
    takes: [60, 60],
    stages: () => [],
    async run(_, { headers }) {
      const [, alias] = id.split("/");
      const env = {
        FAL_KEY: "acme:s3cret",
        FAL_USER_NICKNAME: "acme",
        FAL_JOB_ID: `job-${alias}`,
        FAL_APP_NAME: id,
      };
      const fal = client("acme", { env });
      const answered = await handler(fal, { headers });
      // What its calls cost is in the store by then.
      await fal.close();
      return { output: {}, units: 1, ...(answered && { headers: answered }) };
    },
  });
  const emulator = createEmulator({
    clock,
    concurrency: 20,
    models: [
      ...Object.entries(apps).map(([id, handler]) => app(id, handler)),
      echo({ id: "acme/own", price: 0.03 }),
      echo({ id: "workflows/acme/flow" }),
      echo({ id: "other/model", price: 0.05 }),
      echo({ id: "acme2/model" }),
    ],
  });
  return { emulator, clock, store, client };
}
