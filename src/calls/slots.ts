import type { Clock } from "../base/clock.ts";
import { abortable } from "../base/signal.ts";
import type { Store } from "../journal/store.ts";

export interface PlacesDeps {
  readonly store: Pick<Store, "slots">;
  readonly clock: Clock;
  readonly max: number;
  /** Whose places they are. */
  readonly account: () => string;
  readonly report: (what: string, error: unknown) => void;
}

/** The places that an account has for calls under way, shared by every process that has the same store. */
export interface Places {
  /** Waits for a place, first come first served within this client. Gives what gives it back. */
  take(call: string, signal: AbortSignal): Promise<() => void>;
  /** For a call that is under way whatever the limit says. */
  claim(call: string): () => void;
}

/** A process that died leaves its places after so long. */
const LEASE_MS = 60_000;
/** How often a client whose turn it is looks for a place that another process gave back. */
const LOOK_MS = 500;

export function createPlaces({ store, clock, max, account, report }: PlacesDeps): Places {
  const holder = crypto.randomUUID();
  const held = new Set<string>();
  let given = Promise.withResolvers<void>();
  let turn: Promise<void> = Promise.resolve();
  let idle = new AbortController();

  const slot = (call: string, max: number) => ({
    account: account(),
    call,
    holder,
    max,
    leaseMs: LEASE_MS,
  });

  return {
    async take(call, signal) {
      const before = turn;
      const mine = Promise.withResolvers<void>();
      turn = before.then(() => mine.promise);
      try {
        await abortable(before, signal);
        while (!(await store.slots.take(slot(call, max)))) {
          const pause = new AbortController();
          const look = clock.sleep(LOOK_MS, pause.signal).catch(() => {});
          await abortable(Promise.race([given.promise, look]), signal).finally(() => pause.abort());
        }
        return hold(call);
      } finally {
        mine.resolve();
      }
    },
    claim(call) {
      const taken = store.slots
        .take(slot(call, Number.MAX_SAFE_INTEGER))
        .catch((error: unknown) => report("The store could not count a call that is under way", error));
      return hold(call, taken);
    },
  };

  function hold(call: string, taken: Promise<unknown> = Promise.resolve()): () => void {
    held.add(call);
    if (held.size === 1) void keepAlive();
    return () => {
      held.delete(call);
      if (held.size === 0) idle.abort();
      taken
        .then(() => store.slots.free(call))
        .catch((error: unknown) => report("The store could not give back a call's place", error))
        .finally(() => {
          const waiting = given;
          given = Promise.withResolvers<void>();
          waiting.resolve();
        });
    };
  }

  async function keepAlive(): Promise<void> {
    idle = new AbortController();
    const { signal } = idle;
    while (!signal.aborted) {
      try {
        await clock.sleep(LEASE_MS / 3, signal);
        await store.slots.renew(holder, LEASE_MS);
      } catch (error) {
        if (!signal.aborted) report("The store could not renew the places of calls under way", error);
      }
    }
  }
}
