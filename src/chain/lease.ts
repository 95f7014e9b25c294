import { LeaseLostError } from "../errors/runs.ts";
import type { Fence } from "../journal/run.ts";
import { runName } from "../journal/run-name.ts";
import { cancelRun, type LiveRun } from "./live-run.ts";

export interface Lease {
  /** Makes sure, at this very moment, that the run is ours. @throws {LeaseLostError} */
  permit(): Promise<void>;
  stop(): void;
}

/** So that a cancel from elsewhere is heard soon. */
const LONGEST_BEAT_MS = 3_000;
/** How often a permit is asked for again because getting it took too long. */
const MAX_TRIES = 3;

/**
 * Keeps a run ours. All times are taken before the store is asked, so a process that was stopped in between finds, when
 * it wakes, that its knowledge is old: it asks again before it sends anything.
 *
 * @param since When the claim was sent off: the lease began no earlier.
 * @param released Aborted when the run is lost.
 */
export function keepLease(live: LiveRun, fence: Fence, since: number, released: AbortController): Lease {
  const { store, clock, lease: settings, report } = live.services;
  const over = new AbortController();
  let heldSince = since;

  void beat().catch(() => {});
  return {
    async permit() {
      for (let tries = 0; clock.now() - heldSince > settings.sendWindowMs; tries++) {
        if (tries === MAX_TRIES || !(await renew())) throw new LeaseLostError(fence);
      }
      if (over.signal.aborted) throw new LeaseLostError(fence);
    },
    stop: () => over.abort(),
  };

  async function beat(): Promise<void> {
    while (!over.signal.aborted) {
      await clock.sleep(Math.min(settings.leaseMs / 3, LONGEST_BEAT_MS), over.signal);
      await renew().catch((error: unknown) => {
        report(`The store could not renew the lease of run ${runName(fence.chain, fence.run)}`, error);
        // A store that is away for a moment costs nothing; one that is away for longer may have let others in.
        if (clock.now() - heldSince > settings.leaseMs) lose();
      });
    }
  }

  async function renew(): Promise<boolean> {
    const asked = clock.now();
    const { held, cancelReason } = await store.runs.renew(fence, settings.leaseMs);
    if (over.signal.aborted) return held;
    if (!held) {
      lose();
      return false;
    }
    heldSince = asked;
    if (cancelReason !== undefined) cancelRun(live, cancelReason);
    return true;
  }

  function lose(): void {
    over.abort();
    released.abort(new LeaseLostError(fence));
  }
}
