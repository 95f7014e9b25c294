import type { Clock } from "../base/clock.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { EnvironmentError } from "../errors/environment.ts";
import type { Store } from "../journal/store.ts";
import { delegate } from "./delegate.ts";
import { memoryStore } from "./memory.ts";

/**
 * The store that `FAL_CHAIN_STORE` names, else memory; opened when it is first used. One that could not be opened is
 * tried again at the next use, and so is a durable one after `close`.
 */
export function selectedStore(env: () => Readonly<Record<string, string | undefined>>, clock: Clock): Store {
  let store: Store | undefined;
  let opening: Promise<Store> | undefined;

  const selector = () => env()["FAL_CHAIN_STORE"]?.trim() || "memory";
  const open = async (): Promise<Store> => {
    if (selector() === "memory") return memoryStore({ clock });
    // Only who has asked for it needs its modules.
    const { openStore } = await import("./open.ts");
    return openStore(selector(), { clock }).catch((error: unknown) => {
      if (!(error instanceof InvalidArgumentError)) throw error;
      const cure = error.message.slice(error.message.indexOf("Give "));
      throw new EnvironmentError("invalid_variable", "FAL_CHAIN_STORE", "is not the name of a store", cure);
    });
  };
  const openOnce = async (): Promise<Store> => {
    try {
      // Known before anybody goes on: whoever asks in between must not open another one.
      store = await open();
      return store;
    } finally {
      opening = undefined;
    }
  };
  const opened = async (): Promise<Store> => {
    if (store) return store;
    opening ??= openOnce();
    return opening;
  };

  const unopened = () =>
    ({ name: "FAL_CHAIN_STORE", durable: selector() !== "memory", keep: "all" }) as const;
  return delegate(() => store ?? unopened(), opened, {
    async close() {
      const closing = store ?? (await opening?.catch(() => undefined));
      // What is kept in memory only would be forgotten by closing it.
      if (!closing?.durable) return;
      store = undefined;
      await closing.close();
    },
  });
}
