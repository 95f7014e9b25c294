import type { Store } from "fal-chain";

/** Does what it is given, or not, or later. @param name What of the store was called, such as `calls.intend`. */
export type Around = <T>(act: () => Promise<T>, name: string) => Promise<T>;

/** The same store, with something around each call of one of its functions. */
export const aroundStore = (store: Store, around: Around): Store => ({
  ...store,
  calls: wrapped("calls.", store.calls, around),
  runs: wrapped("runs.", store.runs, around),
  slots: wrapped("slots.", store.slots, around),
  spend: (query) => around(() => store.spend(query), "spend"),
  used: (query) => around(() => store.used(query), "used"),
  overruns: (...of) => around(() => store.overruns(...of), "overruns"),
  isFirst: (...of) => around(() => store.isFirst(...of), "isFirst"),
  close: () => around(store.close, "close"),
});

function wrapped<Noun extends object>(prefix: string, noun: Noun, around: Around): Noun {
  const wrap = ([name, act]: [string, (...args: unknown[]) => Promise<unknown>]) => [
    name,
    (...args: unknown[]) => around(() => act(...args), prefix + name),
  ];
  return Object.fromEntries(Object.entries(noun).map(wrap));
}
