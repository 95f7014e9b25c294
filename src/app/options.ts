import type { StandardSchemaV1 } from "@standard-schema/spec";
import {
  anyText,
  callback,
  checkOptions,
  count,
  having,
  type OptionsOf,
  record,
  text,
} from "../base/options.ts";
import type { Env } from "../environment/environment.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import type { Fal } from "../index.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Log } from "./context.ts";
import type { AnyEndpoint, AppEndpoint } from "./endpoint.ts";
import { cancelPath } from "./routes.ts";
import type { Runner } from "./runner.ts";

/** Secrets as their schemas make them. */
export type Secrets<X> = {
  readonly [K in keyof X]: X[K] extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<X[K]> : never;
};

/** An app's endpoints by their paths, each with the types of its own schemas. */
export type Endpoints<S, I, O> = {
  readonly [P in keyof I | keyof O]: AppEndpoint<
    S,
    P extends keyof I ? I[P] : undefined,
    P extends keyof O ? O[P] : undefined
  >;
};

/** What `setup` is given. */
export interface Start<X> {
  /** As their schemas make them. */
  readonly secrets: Secrets<X>;
  readonly runner: Runner;
  readonly fal: Fal;
  readonly log: Log;
  /** Aborts when the runner is told to end before it has begun. */
  readonly signal: AbortSignal;
}

export interface AppOptions<S, X, I, O> {
  /** What logs and documents call it; on fal it has the name that it was deployed under. */
  readonly name: string;
  /** @default "unknown", as in fal's own apps */
  readonly version?: string;
  /** What it does, for whoever reads `/openapi.json`. */
  readonly about?: string;
  /** By path: `"/"`, `"/watch"`. */
  readonly endpoints: Endpoints<NoInfer<S>, I, O>;
  /** The variables of your own that it needs, each with its schema. They are checked before `setup`. */
  readonly secrets?: X;
  /** Loads what requests need, before the first one is taken. What it gives is the `state` of every handler. */
  readonly setup?: (start: Start<X>) => S | Promise<S>;
  /** Called at once when the runner is told to end, while requests go on. */
  readonly handleExit?: (state: S) => unknown;
  /** Called last, when no request is under way any more. */
  readonly teardown?: (state: S) => unknown;
  /** What `/health` asks: a runner that is not well throws, and fal ends it. @default it is well */
  readonly health?: (state: S) => unknown;
  /** The client whose calls belong to the requests. @default the global `fal` */
  readonly fal?: Fal;
  /** @default JSON lines on stderr, from the level on that `FAL_CHAIN_LOG` names, else `info` */
  readonly logger?: Logger;
  /** @default process.env */
  readonly env?: Env;
  /** The longest body that is read, in bytes; a longer one is answered with a 413. @default 104857600, 100 MiB */
  readonly maxBodyBytes?: number;
}

const OPTIONS: OptionsOf<AppOptions<unknown, unknown, unknown, unknown>> = {
  name: text,
  version: text,
  about: anyText,
  endpoints: record,
  secrets: record,
  setup: callback,
  handleExit: callback,
  teardown: callback,
  health: callback,
  fal: having("a client", "subscribe", "handle"),
  logger: having("an object with a function warn", "warn"),
  env: record,
  maxBodyBytes: count(1),
};

/** @throws {InvalidArgumentError} for an option or a path that cannot be meant. */
export function checkAppOptions(options: AppOptions<unknown, unknown, unknown, unknown>): void {
  checkOptions(options, OPTIONS, { of: "defineApp" });
  checkPaths(options.endpoints as unknown as Readonly<Record<string, AnyEndpoint<never>>>);
}

const RESERVED = ["/health", "/openapi.json", "/metrics"];

function checkPaths(endpoints: Readonly<Record<string, AnyEndpoint<never>>>): void {
  const paths = Object.keys(endpoints);
  if (paths.length === 0) throw new InvalidArgumentError("An app needs at least one endpoint.");
  const refuse = (path: string, why: string) =>
    new InvalidArgumentError(`${JSON.stringify(path)} cannot be an endpoint's path: ${why}.`);
  for (const path of paths) {
    if (!/^\/[\w./-]*$/.test(path))
      throw refuse(path, 'it begins with "/", and has letters, digits, "_", ".", "-"');
    if (new URL(path, "http://app").pathname !== path) throw refuse(path, "no request is for such a path");
    if (RESERVED.includes(path)) throw refuse(path, "an app has that by itself");
    if (paths.some((other) => cancelPath(other) === path)) throw refuse(path, "fal cancels requests there");
    if (typeof endpoints[path]?.handler !== "function") {
      throw new InvalidArgumentError(`The endpoint ${path} needs a handler: a function of its input.`);
    }
  }
}
