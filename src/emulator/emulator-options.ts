import type { Clock } from "../base/clock.ts";
import {
  callback,
  count,
  flag,
  having,
  list,
  milliseconds,
  nested,
  number,
  type OptionsOf,
  oneOf,
  record,
  text,
} from "../base/options.ts";
import type { App } from "../gateway/app.ts";
import type { Model } from "../model/model.ts";
import type { BillingSwitches } from "./billing.ts";
import type { FaultScript } from "./faults/script.ts";
import type { HistorySwitches } from "./history.ts";
import type { Past } from "./past.ts";
import type { Keep } from "./retention.ts";

export interface EmulatorOptions {
  /** What time it is and how to wait. With `virtualClock()` a story of minutes takes milliseconds. @default systemClock */
  readonly clock?: Clock;
  /**
   * Chance: request ids, the seeds that models choose and how long runs take. With the same seed, the same requests
   * and a virtual clock everything repeats. Request ids also hold the time, so a restart never repeats one. @default 0
   */
  readonly seed?: number;
  /** Requests in progress at once per account; the others wait. fal's limit for a new account. @default 2 */
  readonly concurrency?: number;
  /**
   * Where links in answers point. By default to the origin that the request was sent to, or to fal's own hosts for a
   * request that was addressed to those.
   */
  readonly origin?: string;
  /**
   * Which endpoints exist. For thousands of calls, serve a model that draws nothing, as the module's example does.
   *
   * @default the five stand-ins
   */
  readonly models?: readonly Model[];
  /**
   * What becomes of a call to an endpoint that there is not: its input is given back, for nothing, or it is refused with a
   * 404, as fal does. @default "echo" where `models` is left out, else "refuse"
   */
  readonly unknown?: "echo" | "refuse";
  /** Other prices than the stand-ins': what one unit costs, by endpoint. @default those of the stand-ins */
  readonly prices?: Readonly<Record<string, Model["price"]>>;
  /** Apps of your own, on runners that the emulator starts, routes to and ends as fal does. @default none */
  readonly apps?: readonly App[];
  /** What a runner of one of the apps wrote. @default it is a part of its request's log only */
  readonly onLine?: (text: string, from: { readonly app: string; readonly place: number }) => void;
  /**
   * How long waiting for a runner and running take, as a share of the usual: 0.1 is ten times as fast, 0 takes no time.
   * Bills stay the same, and so do pings, deadlines and what faults wait for. @default 1
   */
  readonly timeScale?: number;
  /** What shall go wrong from the start: `["esrgan fail once"]`. @default nothing */
  readonly faults?: readonly FaultScript[];
  /** How the account's request history differs from the best one there could be. */
  readonly history?: Partial<HistorySwitches>;
  /** How the account's bill differs from the best one there could be. */
  readonly billing?: Partial<BillingSwitches>;
  /** How much of the past is held in memory. @default 100,000 requests, 256 MB of payloads */
  readonly keep?: Partial<Keep>;
  /**
   * Reaches others: for input files that are not the emulator's own, and for webhooks.
   *
   * @default the global fetch; for input files one that, as on fal, reaches nothing of this machine or its network
   */
  readonly fetch?: typeof fetch;
}

/** What a server adds to the options. */
export interface Served {
  /** Its own origin, for links in answers to requests whose URL does not tell. */
  readonly servedAt?: string;
  /** What earlier lives have left, and where this one notes what comes. */
  readonly past?: Past;
}

const HISTORY: OptionsOf<HistorySwitches> = {
  lagMs: milliseconds(0),
  endedOnly: flag,
  defaultsFilled: flag,
  payloads: flag,
  streamPaths: flag,
  forbidden: flag,
};
const BILLING: OptionsOf<BillingSwitches> = {
  lagMs: milliseconds(0),
  tagLagMs: milliseconds(0),
  percentDiscount: number(0),
  forbidden: flag,
};
const KEPT: OptionsOf<Keep> = { jobs: count(0), payloadBytes: count(0) };
export const EMULATOR: OptionsOf<EmulatorOptions & Served> = {
  clock: having("an object with functions now and sleep", "now", "sleep"),
  seed: { what: "a whole number", is: Number.isSafeInteger },
  concurrency: count(1),
  origin: text,
  models: list,
  unknown: oneOf(["echo", "refuse"]),
  prices: record,
  apps: list,
  onLine: callback,
  timeScale: number(0),
  faults: list,
  history: nested(HISTORY, "history"),
  billing: nested(BILLING, "billing"),
  keep: nested(KEPT, "keep"),
  fetch: callback,
  servedAt: text,
  past: record,
};
