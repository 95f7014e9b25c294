import { createFal, type Fal, type FalOptions, memoryStore, type Store } from "fal-chain";
import {
  createEmulator,
  type Emulator,
  type EmulatorOptions,
  type VirtualClock,
  virtualClock,
} from "fal-chain/emulator";
import { aroundStore } from "./around-store.ts";
import { echo } from "./models.ts";
import { ENV } from "./setup.ts";
import { type Sent, type Wire, wireFetch } from "./wire.ts";

/** One client that can be killed: from then on nothing that it does reaches anybody, and nothing comes back. */
export interface Process {
  readonly fal: Fal;
  readonly sent: readonly Sent[];
  kill(): void;
  /** Stands still, as under SIGSTOP, until what it gives is called. */
  freeze(): () => void;
}

export interface Processes {
  readonly emulator: Emulator;
  readonly clock: VirtualClock;
  readonly store: Store;
  start(
    options?: FalOptions & { wire?: Wire; onStore?: (name: string, when: "before" | "after") => void },
  ): Process;
}

/** Several clients over one store, one platform and one clock. */
export function processes(
  options: EmulatorOptions = {},
  openStore = (clock: VirtualClock): Store => ({ ...memoryStore({ clock }), name: "shared", durable: true }),
): Processes {
  const clock = virtualClock();
  const emulator = createEmulator({ clock, models: [echo()], ...options });
  const store = openStore(clock);

  return {
    emulator,
    clock,
    store,
    start({ wire, onStore, ...rest } = {}) {
      let killed = false;
      let thawed = Promise.resolve();
      const dead = new Promise<never>(() => {});
      const sent: Sent[] = [];
      const mortal = aroundStore(store, async (act, name) => {
        onStore?.(name, "before");
        await thawed;
        if (killed) return dead;
        const result = await act();
        onStore?.(name, "after");
        await thawed;
        return killed ? dead : result;
      });
      const fetch = wireFetch(
        async (request) => {
          if (killed) return dead;
          const response = await emulator.fetch(request);
          return killed ? dead : response;
        },
        { wire, sent, clock },
      );
      const fal = createFal({ env: ENV, clock, random: () => 0.5, store: mortal, fetch, ...rest });
      return {
        fal,
        sent,
        kill: () => {
          killed = true;
        },
        freeze() {
          const { promise, resolve } = Promise.withResolvers<void>();
          thawed = promise;
          return resolve;
        },
      };
    },
  };
}
