import {
  callback,
  checkOptions,
  count,
  list,
  milliseconds,
  number,
  type OptionsOf,
  record,
} from "../base/options.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { createFleet, type Fleet, type FleetOptions } from "./fleet.ts";
import type { AppRetries } from "./retries.ts";
import type { StartRunner } from "./runner.ts";

/** An app that runs on runners of its own, behind the gateway. Its settings are those of its table in `pyproject.toml`. */
export interface App extends AppRetries {
  /** `owner/name`, and `owner/name--staging` in another environment. Its endpoints are what lies below. */
  readonly id: string;
  /** Starts a runner. `inProcess(fetch)` makes one of a function; the command `dev` starts processes. */
  readonly start: StartRunner;
  /** How many runners there are, all the time. @default 1 */
  readonly runners?: number;
  /** How many requests one runner is given at once. @default 1 */
  readonly maxMultiplexing?: number;
  /** How long an answer may take, in milliseconds; then the runner is ended. @default 3_600_000 */
  readonly requestTimeoutMs?: number;
  /** How long a runner may take until its port is open, in milliseconds. @default 600_000 */
  readonly startupTimeoutMs?: number;
  /** How long a runner may take to end, in milliseconds. fal allows at most 30_000. @default 5_000 */
  readonly terminationGraceMs?: number;
  /** What a unit of it costs, in USD, and what it is called. @default `{ unit: "units", unitPrice: 0 }` */
  readonly price?: { readonly unit: string; readonly unitPrice: number };
  /** What is charged for an answer without `x-fal-billable-units`, errors below 500 included. @default 1 */
  readonly defaultUnits?: number;
}

const APP: OptionsOf<App> = {
  id: { what: "owner/name", is: (value) => typeof value === "string" && /^[\w.-]+\/[\w.-]+$/.test(value) },
  start: callback,
  runners: count(1),
  maxMultiplexing: count(1),
  requestTimeoutMs: milliseconds(1),
  startupTimeoutMs: milliseconds(1),
  terminationGraceMs: milliseconds(0),
  price: record,
  defaultUnits: number(0),
  retryConfig: record,
  skipRetryConditions: list,
};

/** An app, with its runners. */
export interface HostedApp {
  readonly id: string;
  readonly owner: string;
  readonly retries: AppRetries;
  readonly requestTimeoutMs: number;
  readonly price: NonNullable<App["price"]>;
  readonly defaultUnits: number;
  readonly fleet: Fleet;
}

/** @throws {InvalidArgumentError} naming the option that cannot be. */
export function hostApp(
  app: App,
  platform: Pick<FleetOptions, "clock" | "timeScale" | "url" | "changed" | "line">,
): HostedApp {
  checkOptions(app, APP, { of: "an app" });
  const { id, retryConfig, skipRetryConditions } = app;
  const [owner] = id.split("/");
  if (!owner) throw new InvalidArgumentError(`${JSON.stringify(id)} is no owner/name.`);
  const { start, runners = 1, maxMultiplexing = 1 } = app;
  const { startupTimeoutMs = 600_000, terminationGraceMs: graceMs = 5_000 } = app;
  return {
    id,
    owner,
    retries: { ...(retryConfig && { retryConfig }), ...(skipRetryConditions && { skipRetryConditions }) },
    requestTimeoutMs: app.requestTimeoutMs ?? 3_600_000,
    price: app.price ?? { unit: "units", unitPrice: 0 },
    defaultUnits: app.defaultUnits ?? 1,
    fleet: createFleet({ ...platform, start, runners, maxMultiplexing, startupTimeoutMs, graceMs }),
  };
}

/** Below the app: `/` for `owner/name`, `/stream` for `owner/name/stream`. */
export const pathInApp = (endpoint: string, { id }: Pick<HostedApp, "id">): string =>
  endpoint.slice(id.length) || "/";
