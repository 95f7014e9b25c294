import type { Clock } from "../base/clock.ts";
import type { Report } from "../base/report.ts";
import type { Calls } from "../calls/subscribe.ts";
import type { KeptFiles } from "../files/kept-files.ts";
import type { Store } from "../journal/store.ts";
import type { ObserveRun } from "./observer.ts";

/** What chains need of the client that they belong to. */
export interface ChainServices {
  readonly clock: Clock;
  /** The runner that this is. */
  readonly jobId: () => string | undefined;
  readonly calls: Calls;
  readonly store: Store;
  /** The store itself, whatever stands before it: by it clients know each other. */
  readonly keptIn: Store;
  readonly lease: LeaseSettings;
  /** Whether nobody has said where runs are kept. */
  readonly isStoreUnsaid: () => boolean;
  readonly files: KeptFiles;
  /** Uploads a file, and gives its URL. */
  readonly upload: (file: Blob) => Promise<string>;
  readonly report: Report;
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
