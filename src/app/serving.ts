import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Hono } from "hono";
import { ambientEnv } from "../environment/environment.ts";
import { secrets as readSecrets } from "../environment/secrets.ts";
import { type Fal, fal as globalFal } from "../index.ts";
import type { Log } from "./context.ts";
import type { AnyEndpoint } from "./endpoint.ts";
import { createLog } from "./log.ts";
import { openapiOf } from "./openapi.ts";
import type { AppOptions, Secrets } from "./options.ts";
import { type Requests, requestsUnderWay } from "./requests.ts";
import { routes, type Told } from "./routes.ts";
import { runnerOf } from "./runner.ts";

/** What a server does with an app. */
export interface Served<S> {
  readonly log: Log;
  readonly requests: Requests;
  readonly version: string;
  start(signal: AbortSignal): Promise<S>;
  /** Its start; undefined where nobody has asked for it yet, or where it has failed. */
  started(): Promise<S> | undefined;
  handleExit(state: S): unknown;
  teardown(state: S): unknown;
  /** From now on requests are another runner's. */
  closes(): void;
  /** Leaves what is under way to the next runner. */
  letGo(): Promise<void>;
  readonly hono: Hono;
  /** Has somebody hear of each answer. */
  tell(told: Told): void;
}

const MAX_BODY_BYTES = 100 * 1024 * 1024;

export function serving<S, X extends Readonly<Record<string, StandardSchemaV1>>, I, O>(
  options: AppOptions<S, X, I, O>,
  endpoints: Readonly<Record<string, AnyEndpoint<S>>>,
): Served<S> {
  const { name, fal = globalFal, logger, version = "unknown", maxBodyBytes = MAX_BODY_BYTES } = options;
  const env = () => options.env ?? ambientEnv();
  const lazily = <T>(make: () => T) => {
    let made: { readonly it: T } | undefined;
    return () => {
      made ??= { it: make() };
      return made.it;
    };
  };
  const log = lazily(() => createLog({ logger, env, environment: fal.environment }, name));
  const requests = requestsUnderWay();
  let state: { readonly of: S } | undefined;
  let starting: Promise<S> | undefined;
  let isClosing = false;
  let told: Told = () => {};

  async function setUp(signal: AbortSignal): Promise<S> {
    const secrets = readSecrets(options.secrets ?? {}, env()) as Secrets<X>;
    warnOfRetries(fal, log());
    const start = { secrets, runner: runnerOf(env), fal, log: log(), signal };
    state = { of: (await options.setup?.(start)) as S };
    return state.of;
  }
  const start = (signal: AbortSignal): Promise<S> => {
    starting ??= setUp(signal).catch((error: unknown) => {
      starting = undefined;
      throw error;
    });
    return starting;
  };
  const site = lazily(() => ({
    fal,
    log: log(),
    requests,
    maxBodyBytes,
    state: () => (state as { of: S }).of,
    isBehindGateway: () => fal.environment.identity.jobId !== undefined,
  }));
  const ready = () => (state ? site() : start(new AbortController().signal).then(site));
  const { health } = options;
  return {
    get log() {
      return log();
    },
    requests,
    version,
    start,
    started: () => starting,
    handleExit: (given) => options.handleExit?.(given),
    teardown: (given) => options.teardown?.(given),
    closes() {
      isClosing = true;
    },
    async letGo() {
      // Its runs first: a handler that gives the signal to a call would cancel that.
      const closed = fal.close();
      requests.letGo();
      await Promise.all([closed, requests.idle()]);
    },
    hono: routes({
      ...{ endpoints, version, ready, log, isClosing: () => isClosing },
      health: health && (async () => health(await start(new AbortController().signal))),
      openapi: async () => openapiOf({ ...options, endpoints }),
      told: (...said) => told(...said),
    }),
    tell(listener) {
      told = listener;
    },
  };
}

/** fal sends a request again when its runner is lost. */
function warnOfRetries(fal: Fal, log: Log): void {
  if (fal.isDurable) return;
  log.warn(
    {},
    "Retries are not safe: fal sends a request again when its runner is lost, up to ten times, and the next runner will not " +
      "know what was paid for. Set the secret FAL_CHAIN_STORE to a PostgreSQL database: fal-chain secrets set " +
      "FAL_CHAIN_STORE=postgres://…",
  );
}
