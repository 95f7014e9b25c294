import type { Calls } from "../calls/call.ts";
import type { Services } from "../calls/services.ts";
import type { ObserveRun } from "./observer.ts";

/** What runs are executed with: what their calls are made with, and more. */
export interface ChainServices extends Services {
  readonly calls: Calls;
  /** The runner that this is. */
  readonly jobId: () => string | undefined;
  readonly lease: LeaseSettings;
  /** Whether nobody has said where runs are kept. */
  readonly isStoreUnsaid: () => boolean;
  readonly observeRun: ObserveRun;
}

export interface LeaseSettings {
  /** Milliseconds that a run stays with a process that gives no sign of life. @default 30000 */
  readonly leaseMs: number;
  /** Milliseconds after the last sign that the run is ours in which a POST may still be sent. @default a third of the lease */
  readonly sendWindowMs: number;
}

export function leaseSettings({
  leaseMs = 30_000,
  sendWindowMs = leaseMs / 3,
}: Partial<LeaseSettings> = {}): LeaseSettings {
  return { leaseMs, sendWindowMs };
}
