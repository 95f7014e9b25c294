import type { Clock } from "../base/clock.ts";
import type { Address, OwnOrigins } from "./address.ts";
import type { FileStore } from "./files.ts";
import type { Machine } from "./machine.ts";
import type { Model } from "./model.ts";

/** What every route works with. */
export interface Platform {
  readonly clock: Clock;
  readonly machine: Machine;
  readonly files: FileStore;
  readonly models: ReadonlyMap<string, Model>;
  readonly concurrency: number;
  readonly seed: number;
  readonly own: OwnOrigins;
  /** Fires when the emulator closes. */
  readonly closing: AbortSignal;
}

/** Hono's environment: each request carries what it is addressed to. */
export interface RouteEnv {
  readonly Bindings: { readonly address: Address };
}
