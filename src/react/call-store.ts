import { ApiError } from "../errors/api.ts";
import type {
  Call,
  CallEvent,
  CallOptions,
  CancelOutcome,
  EndpointId,
  Fal,
  OutputOf,
  RequestLog,
  Result,
} from "../index.ts";

/** How a call stands, as a page shows it. */
export interface CallState<O> {
  readonly status: "idle" | "submitting" | "queued" | "running" | "completed" | "failed" | "cancelled";
  /** Whether something is still to come. */
  readonly isPending: boolean;
  readonly requestId: string | undefined;
  /** Requests ahead of it, while it is queued. */
  readonly position: number | undefined;
  /** The model's lines, the last thousand of them; asked for with `logs: true`. */
  readonly logs: readonly RequestLog[];
  /** From 0 to 1: the last percentage that one of those lines names. */
  readonly progress: number | undefined;
  readonly data: O | undefined;
  readonly result: Result<O> | undefined;
  readonly error: unknown;
}

/** Where a page keeps which request it waits for; `sessionStorage` fits. */
export type KeyStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export type CallSettings = Omit<CallOptions<unknown>, "input">;

/** One call after the other of an endpoint, whoever looks on. */
export interface CallStore<T extends EndpointId> {
  get(): CallState<OutputOf<T>>;
  subscribe(listener: () => void): () => void;
  /** Goes on with the request that an earlier page left under way; once. */
  pickUp(settings: CallSettings): void;
  start(input: unknown, settings: CallSettings): Call<OutputOf<T>>;
  cancel(): Promise<CancelOutcome>;
  reset(): void;
}

export const IDLE: CallState<never> = Object.freeze({
  status: "idle",
  isPending: false,
  requestId: undefined,
  position: undefined,
  logs: [],
  progress: undefined,
  data: undefined,
  result: undefined,
  error: undefined,
});

const MOST_LINES = 1_000;
/** What is answered to those who ask for what is no longer there. */
const GONE: ReadonlySet<number> = new Set([404, 410]);

export interface CallStoreOptions<T extends EndpointId> {
  readonly fal: Pick<Fal, "subscribe" | "queue">;
  readonly endpoint: T;
  /** Undefined where nothing is to be picked up. */
  readonly kept: { readonly storage: KeyStorage; readonly name: string } | undefined;
}

export function createCallStore<T extends EndpointId>({
  fal,
  endpoint,
  kept,
}: CallStoreOptions<T>): CallStore<T> {
  type O = OutputOf<T>;
  const listeners = new Set<() => void>();
  let state: CallState<O> = IDLE;
  let current: Call<O> | undefined;
  let hasLooked = false;

  const set = (next: CallState<O>) => {
    state = next;
    for (const listener of [...listeners]) listener();
  };
  const end = (call: Call<O>, error: unknown, isPickedUp: boolean) => {
    if (current !== call) return;
    current = undefined;
    forget();
    if (isPickedUp && error instanceof ApiError && GONE.has(error.status)) return set(IDLE);
    const isCancelled = (error as { readonly name?: unknown } | undefined)?.name === "AbortError";
    set({ ...state, status: isCancelled ? "cancelled" : "failed", isPending: false, error });
  };
  const follow = async (call: Call<O>, isPickedUp = false): Promise<void> => {
    current = call;
    try {
      for await (const event of call) {
        if (current !== call) return;
        if (event.type === "submitted") remember(event.requestId);
        set(after(state, event));
      }
      if (current === call) current = undefined;
    } catch (error) {
      end(call, error, isPickedUp);
    }
  };
  const remember = (requestId: string) =>
    quietly(() => kept?.storage.setItem(kept.name, JSON.stringify({ endpoint, requestId })));
  const forget = () => quietly(() => kept?.storage.removeItem(kept.name));

  return {
    get: () => state,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    pickUp(settings) {
      if (hasLooked) return;
      hasLooked = true;
      const requestId = current
        ? undefined
        : requestIn(
            quietly(() => kept?.storage.getItem(kept.name)),
            endpoint,
          );
      if (requestId === undefined) return;
      const { logs, mode, pollInterval, idleTimeout } = settings;
      const watched = { logs, mode, pollInterval, idleTimeout };
      const given = Object.fromEntries(Object.entries(watched).filter(([, value]) => value !== undefined));
      set({ ...IDLE, status: "queued", isPending: true, requestId });
      void follow(fal.queue.attach(endpoint, { requestId, ...given }) as Call<O>, true);
    },
    start(input, settings) {
      // Whoever clicks twice does not pay twice.
      if (current) return current;
      hasLooked = true;
      forget();
      const call = fal.subscribe(endpoint, { ...settings, input } as CallOptions<T>) as Call<O>;
      set({ ...IDLE, status: "submitting", isPending: true });
      void follow(call);
      return call;
    },
    cancel: async () => current?.cancel() ?? "not-sent",
    reset() {
      current = undefined;
      forget();
      set(IDLE);
    },
  };
}

export function after<O>(state: CallState<O>, event: CallEvent<O>): CallState<O> {
  switch (event.type) {
    case "submitted":
    case "reused":
      return { ...state, requestId: event.requestId };
    case "queued":
      return { ...state, status: "queued", position: event.position };
    case "running":
      return { ...state, status: "running", position: undefined };
    case "log": {
      const logs = [...state.logs.slice(1 - MOST_LINES), event.log];
      return { ...state, logs, progress: progressIn(event.log.message) ?? state.progress };
    }
    case "retrying":
      return { ...IDLE, status: "submitting", isPending: true };
    case "completed": {
      const { result } = event;
      return {
        ...state,
        status: "completed",
        isPending: false,
        result,
        data: result.data,
        position: undefined,
      };
    }
  }
}

/** As progress bars write it: `40%|████      | 4/10`. */
function progressIn(line: string): number | undefined {
  const percents = [...line.matchAll(/(?<![\d.])(\d{1,3}(?:\.\d+)?) ?%/g)];
  const last = Number(percents.at(-1)?.[1]);
  return last <= 100 ? last / 100 : undefined;
}

function requestIn(text: string | null | undefined, endpoint: string): string | undefined {
  const saved = quietly(
    () => JSON.parse(text ?? "null") as { endpoint?: unknown; requestId?: unknown } | null,
  );
  return saved?.endpoint === endpoint && typeof saved.requestId === "string" ? saved.requestId : undefined;
}

/** A page that may keep nothing, or keeps nonsense, begins anew. */
function quietly<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
