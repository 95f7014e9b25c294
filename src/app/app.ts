import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { AnyEndpoint } from "./endpoint.ts";
import { openapiOf } from "./openapi.ts";
import { type AppOptions, checkAppOptions } from "./options.ts";
import { type AppServer, type ServeOptions, serveApp } from "./serve.ts";
import { type Served, serving } from "./serving.ts";

/** An app: a function from request to response, and a server around it. */
export interface App<S = unknown> {
  readonly name: string;
  /** The paths of its endpoints. */
  readonly paths: readonly string[];
  /**
   * Answers a request, for tests and for servers of your own: without a port. The first one starts the app.
   *
   * @example const reply = await app.fetch(new Request("http://app/", { method: "POST", body: '{"prompt":"a fox"}' }));
   */
  fetch(request: Request): Promise<Response>;
  /**
   * Checks the secrets, and calls `setup`. Once, unless it fails.
   *
   * @throws {EnvironmentError} naming every secret that is missing. @throws whatever `setup` throws.
   */
  start(signal?: AbortSignal): Promise<S>;
  /**
   * Lets go of what is under way, and calls `teardown`: what `serve` does when it ends, for tests. Once, and only where the
   * app has started.
   */
  stop(): Promise<void>;
  /** What `/openapi.json` says. */
  openapi(): Promise<object>;
  /**
   * Serves the app as a runner of fal: sets it up, opens the port, and, when it is told to end, finishes what it can within
   * the grace period and ends the process. Resolves once the port is open.
   *
   * @example if (isMain(import.meta)) await app.serve();
   */
  serve(options?: ServeOptions): Promise<AppServer>;
}

async function stop<S>(served: Served<S>): Promise<void> {
  served.closes();
  const starting = served.started();
  if (!starting) return;
  const started = await starting.then(
    (state) => ({ state }),
    () => undefined, // whoever started it has been told
  );
  if (!started) return;
  await served.handleExit(started.state);
  await served.letGo();
  await served.teardown(started.state);
}

/**
 * Defines an app. Nothing is read, opened or started by that, so that it can be imported while an image is built.
 *
 * @example
 * const app = defineApp({
 *   name: "poster",
 *   endpoints: {
 *     "/": {
 *       input: z.object({ prompt: z.string() }),
 *       handler: async ({ prompt }) => (await fal.subscribe("fal-ai/flux/schnell", { input: { prompt } })).data,
 *     },
 *   },
 * });
 * @throws {InvalidArgumentError} for an option or a path that cannot be meant.
 */
export function defineApp<
  I,
  O,
  S = undefined,
  const X extends Readonly<Record<string, StandardSchemaV1>> = Record<never, never>,
>(options: AppOptions<S, X, I, O>): App<S> {
  checkAppOptions(options as never);
  const endpoints = options.endpoints as unknown as Readonly<Record<string, AnyEndpoint<S>>>;
  const served = serving(options, endpoints);
  let stopping: Promise<void> | undefined;
  return {
    name: options.name,
    paths: Object.keys(endpoints),
    fetch: async (request) => served.hono.fetch(request),
    start: (signal = new AbortController().signal) => served.start(signal),
    stop() {
      stopping ??= stop(served);
      return stopping;
    },
    openapi: async () => openapiOf({ ...options, endpoints }),
    serve: (how) => serveApp(served, how),
  };
}
