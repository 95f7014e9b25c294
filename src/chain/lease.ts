import type { Clock } from "../base/clock.ts";
import { LeaseLostError } from "../errors/runs.ts";
import type { Fence, RunJournal } from "../journal/runs.ts";

export interface LeaseSettings {
  /** Milliseconds that a run stays with a process that gives no sign of life. @default 30000 */
  readonly leaseMs: number;
  /** Milliseconds after the last sign that the run is ours in which a POST may still be sent. @default a third of the lease */
  readonly sendWindowMs: number;
}

export interface LeaseOptions {
  readonly store: RunJournal;
  readonly clock: Clock;
  readonly fence: Fence;
  readonly settings: LeaseSettings;
  /** When the claim was sent off: the lease began no earlier. */
  readonly since: number;
  readonly onLost: (error: LeaseLostError) => void;
  readonly onCancel: (reason: string) => void;
  readonly report: (what: string, error: unknown) => void;
}

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
 */
export function keepLease(options: LeaseOptions): Lease {
  const { store, clock, fence, settings, onLost, onCancel, report } = options;
  const over = new AbortController();
  let heldSince = options.since;

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
        report(`The store could not renew the lease of run ${fence.chain}/${fence.run}`, error);
        // A store that is away for a moment costs nothing; one that is away for longer may have let others in.
        if (clock.now() - heldSince > settings.leaseMs) lose();
      });
    }
  }

  async function renew(): Promise<boolean> {
    const asked = clock.now();
    const { held, cancelReason } = await store.renewRun(fence, settings.leaseMs);
    if (over.signal.aborted) return held;
    if (!held) {
      lose();
      return false;
    }
    heldSince = asked;
    if (cancelReason !== undefined) onCancel(cancelReason);
    return true;
  }

  function lose(): void {
    over.abort();
    onLost(new LeaseLostError(fence));
  }
}

export function leaseSettings({
  leaseMs = 30_000,
  sendWindowMs = leaseMs / 3,
}: Partial<LeaseSettings> = {}): LeaseSettings {
  return { leaseMs, sendWindowMs };
}
