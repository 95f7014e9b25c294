import { useCallback, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import {
  type Call,
  type CancelOutcome,
  type EndpointId,
  type Fal,
  type InputOf,
  type OutputOf,
  fal as pageFal,
} from "../index.ts";
import {
  type CallSettings,
  type CallState,
  type CallStore,
  createCallStore,
  IDLE,
  type KeyStorage,
} from "./call-store.ts";

export interface UseCallOptions extends CallSettings {
  /** The page's client. @default the one that `fal.config` sets up */
  readonly fal?: Pick<Fal, "subscribe" | "queue">;
  /**
   * Names the call in this page: components that give the same one show the same call, and a page that is loaded again goes on
   * with it. @default each component has its own, which ends with the page
   */
  readonly name?: string;
  /** Where the request of a named call is kept. @default `sessionStorage` */
  readonly storage?: KeyStorage;
}

export interface UseCall<T extends EndpointId> extends CallState<OutputOf<T>> {
  /** Makes a call; while one is under way, gives that one. */
  start(input: InputOf<T>, settings?: CallSettings): Call<OutputOf<T>>;
  /** Gives the call up, at fal too. */
  cancel(): Promise<CancelOutcome>;
  /** Forgets the call, which goes on at fal. */
  reset(): void;
}

/** The calls of a client that have a name. */
const named = new WeakMap<object, Map<string, CallStore<EndpointId>>>();

/**
 * A call and how it stands. Nothing is called before `start`, and a component that goes does not give it up.
 *
 * @example
 * ```tsx
 * const { start, status, progress, data } = useCall("fal-ai/flux/schnell", { name: "poster", logs: true });
 * ```
 */
export function useCall<const T extends EndpointId>(endpoint: T, options: UseCallOptions = {}): UseCall<T> {
  const { fal = pageFal, name, storage, ...settings } = options;
  const store = useMemo(() => storeOf(fal, endpoint, name, storage), [fal, endpoint, name, storage]);
  const latest = useRef(settings);
  useEffect(() => {
    latest.current = settings;
  });
  useEffect(() => store.pickUp(latest.current), [store]);
  const state = useSyncExternalStore(store.subscribe, store.get, () => IDLE);
  const start = useCallback(
    (input: InputOf<T>, more?: CallSettings) => store.start(input, { ...latest.current, ...more }),
    [store],
  );
  return { ...state, start, cancel: store.cancel, reset: store.reset };
}

function storeOf<T extends EndpointId>(
  fal: Pick<Fal, "subscribe" | "queue">,
  endpoint: T,
  name: string | undefined,
  storage: KeyStorage | undefined,
): CallStore<T> {
  if (name === undefined) return createCallStore({ fal, endpoint, kept: undefined });
  const stores = named.get(fal) ?? new Map<string, CallStore<EndpointId>>();
  named.set(fal, stores);
  const id = JSON.stringify([endpoint, name]);
  const known = stores.get(id);
  if (known) return known as CallStore<T>;
  const kept = { storage: storage ?? pageStorage, name: `fal-chain ${id}` };
  const store = createCallStore({ fal, endpoint, kept });
  stores.set(id, store as CallStore<EndpointId>);
  return store;
}

/** Asked when it is used: a server has none, and a page may be forbidden to. */
const pageStorage: KeyStorage = {
  getItem: (key) => globalThis.sessionStorage?.getItem(key) ?? null,
  setItem: (key, value) => globalThis.sessionStorage?.setItem(key, value),
  removeItem: (key) => globalThis.sessionStorage?.removeItem(key),
};
