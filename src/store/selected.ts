import type { Clock } from "../base/clock.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { EnvironmentError } from "../errors/environment.ts";
import type { Store } from "../journal/store.ts";
import { memoryStore } from "./memory.ts";
import { factsOf } from "./selector.ts";

export interface NamedStore {
  /** Undefined for memory. */
  readonly selector: string | undefined;
  /** Where it is named: in `FAL_CHAIN_STORE`, or as the client's option. */
  readonly by: "variable" | "option";
}

/**
 * The store that a text names, else memory; opened when it is first used. One that could not be opened is
 * tried again at the next use, and so is a durable one after `close`.
 */
export function selectedStore(named: NamedStore, clock: Clock): Store {
  const selector = named.selector?.trim() || "memory";
  if (selector === "memory") return memoryStore({ clock });
  const { opened, close } = opening(() => open({ ...named, selector }, clock));
  return {
    ...factsOf(selector),
    calls: {
      intend: async (...of) => (await opened()).calls.intend(...of),
      refused: async (...of) => (await opened()).calls.refused(...of),
      leaves: async (...of) => (await opened()).calls.leaves(...of),
      submitted: async (...of) => (await opened()).calls.submitted(...of),
      ambiguous: async (...of) => (await opened()).calls.ambiguous(...of),
      completed: async (...of) => (await opened()).calls.completed(...of),
      failed: async (...of) => (await opened()).calls.failed(...of),
      givenUp: async (...of) => (await opened()).calls.givenUp(...of),
      charged: async (...of) => (await opened()).calls.charged(...of),
      reused: async (...of) => (await opened()).calls.reused(...of),
      pastCosts: async (...of) => (await opened()).calls.pastCosts(...of),
      get: async (...of) => (await opened()).calls.get(...of),
      paidFor: async (...of) => (await opened()).calls.paidFor(...of),
      list: async (...of) => (await opened()).calls.list(...of),
    },
    runs: {
      claim: async (...of) => (await opened()).runs.claim(...of),
      renew: async (...of) => (await opened()).runs.renew(...of),
      renewAll: async (...of) => (await opened()).runs.renewAll(...of),
      release: async (...of) => (await opened()).runs.release(...of),
      end: async (...of) => (await opened()).runs.end(...of),
      cancel: async (...of) => (await opened()).runs.cancel(...of),
      get: async (...of) => (await opened()).runs.get(...of),
      list: async (...of) => (await opened()).runs.list(...of),
      forget: async (...of) => (await opened()).runs.forget(...of),
      saveStep: async (...of) => (await opened()).runs.saveStep(...of),
      dropSteps: async (...of) => (await opened()).runs.dropSteps(...of),
      steps: async (...of) => (await opened()).runs.steps(...of),
      appendEvents: async (...of) => (await opened()).runs.appendEvents(...of),
      events: async (...of) => (await opened()).runs.events(...of),
    },
    slots: {
      take: async (...of) => (await opened()).slots.take(...of),
      renew: async (...of) => (await opened()).slots.renew(...of),
      free: async (...of) => (await opened()).slots.free(...of),
    },
    months: {
      close: async (...of) => (await opened()).months.close(...of),
      closed: async (...of) => (await opened()).months.closed(...of),
      corrections: async (...of) => (await opened()).months.corrections(...of),
    },
    spend: async (...of) => (await opened()).spend(...of),
    used: async (...of) => (await opened()).used(...of),
    overruns: async (...of) => (await opened()).overruns(...of),
    isFirst: async (...of) => (await opened()).isFirst(...of),
    close,
  };
}

async function open({ selector, by }: NamedStore & { selector: string }, clock: Clock): Promise<Store> {
  // Only who has asked for it needs its modules.
  const { openStore } = await import("#open-store");
  return openStore(selector, { clock }).catch((error: unknown) => {
    if (!(error instanceof InvalidArgumentError)) throw error;
    const cure = error.message.slice(error.message.indexOf("Give "));
    if (by === "option") throw new InvalidArgumentError(`store is not the name of a store. ${cure}`);
    throw new EnvironmentError("invalid_variable", "FAL_CHAIN_STORE", "is not the name of a store", cure);
  });
}

/** Opens once, however close together it is asked for; and again after a failure, or a `close`. */
function opening(open: () => Promise<Store>): Pick<Store, "close"> & { opened(): Promise<Store> } {
  let store: Store | undefined;
  let underWay: Promise<Store> | undefined;

  const openOnce = async (): Promise<Store> => {
    try {
      // Known before anybody goes on: whoever asks in between must not open another one.
      store = await open();
      return store;
    } finally {
      underWay = undefined;
    }
  };

  return {
    async opened() {
      if (store) return store;
      underWay ??= openOnce();
      return underWay;
    },
    async close() {
      const closing = store ?? (await underWay?.catch(() => undefined));
      store = undefined;
      await closing?.close();
    },
  };
}
