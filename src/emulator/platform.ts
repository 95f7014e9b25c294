import type { Clock } from "../base/clock.ts";
import type { Address, OwnOrigins } from "./address.ts";
import type { BillingSwitches } from "./billing.ts";
import type { Catalog } from "./catalog.ts";
import type { FileStore } from "./files.ts";
import type { HistorySwitches } from "./history.ts";
import type { HookSigner } from "./hooks/signer.ts";
import type { Outcome } from "./job.ts";
import type { Machine } from "./machine.ts";
import type { RunnerBill } from "./runners.ts";
import type { Tokens } from "./tokens.ts";
import type { Uploads } from "./uploads.ts";

/** What every route works with. */
export interface Platform extends Catalog {
  readonly clock: Clock;
  readonly machine: Machine;
  readonly files: FileStore;
  readonly uploads: Uploads;
  readonly concurrency: number;
  readonly seed: number;
  readonly own: OwnOrigins;
  readonly history: HistorySwitches;
  readonly billing: BillingSwitches;
  readonly runners: RunnerBill;
  readonly signer: HookSigner;
  readonly tokens: Tokens;
  /** Fires when the emulator closes. */
  readonly closing: AbortSignal;
}

/** Hono's environment: what each request carries besides itself. */
export interface RouteEnv {
  readonly Bindings: {
    /** What it is addressed to. */
    readonly address: Address;
    /** Its body, which has been read. */
    readonly body: Uint8Array<ArrayBuffer>;
    /** How the request that is submitted has to end, if a fault says so. */
    readonly fate?: Outcome;
  };
}
