import { Hono, type MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { type Clock, systemClock } from "../base/clock.ts";
import { addressOf } from "./address.ts";
import { createFileStore } from "./files.ts";
import { type JobView, viewOf } from "./job.ts";
import { createMachine, type Machine } from "./machine.ts";
import type { Model } from "./model.ts";
import { standIns } from "./models/index.ts";
import { createPerformer } from "./perform.ts";
import type { Platform, RouteEnv } from "./platform.ts";
import { createRecorder, type ReceivedRequest } from "./received.ts";
import { plainError } from "./replies.ts";
import { fileRoutes } from "./routes/files.ts";
import { healthRoutes } from "./routes/health.ts";
import { pricingRoutes } from "./routes/pricing.ts";
import { queueRoutes } from "./routes/queue.ts";
import { runRoutes } from "./routes/run.ts";
import { storageRoutes } from "./routes/storage.ts";

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
  /** Which endpoints exist. @default the three stand-ins */
  readonly models?: readonly Model[];
  /** Fetches input files that are not the emulator's own. @default the global fetch */
  readonly fetch?: typeof fetch;
}

export interface Emulator {
  fetch(request: Request): Promise<Response>;
  /** Every accepted request, oldest first. */
  readonly jobs: readonly JobView[];
  /** The latest 2,000 HTTP requests, oldest first. */
  readonly received: readonly ReceivedRequest[];
  /** Stops all jobs and ends all streams; what is asked later is answered with a 503. */
  close(): Promise<void>;
}

/** What a server adds to the options. */
export interface Served {
  /** Its own origin, for links in answers to requests whose URL does not tell. */
  readonly servedAt?: string;
}

/** A fal platform of its own, as a function from request to response. */
export function createEmulator(options: EmulatorOptions & Served = {}): Emulator {
  const { clock = systemClock, seed = 0, concurrency = 2, fetch = globalThis.fetch } = options;
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new RangeError(`concurrency must be a whole number from 1 up, not ${concurrency}`);
  }
  const models = new Map((options.models ?? standIns).map((model) => [model.id, model]));
  const files = createFileStore();
  const recorder = createRecorder();
  const closing = new AbortController();

  const machine: Machine = createMachine({
    clock,
    concurrency,
    perform: createPerformer({
      models,
      clock,
      files,
      seed,
      fetch,
      log: (job, message) => machine.log(job, message),
    }),
  });
  const own = { stated: options.origin?.replace(/\/+$/, ""), servedAt: options.servedAt };
  const app = routes({ clock, machine, files, models, concurrency, seed, own, closing: closing.signal });

  return {
    async fetch(request) {
      const hasBody = request.method !== "GET" && request.method !== "HEAD";
      const body = hasBody ? await request.arrayBuffer() : undefined;
      recorder.add(request, body, clock.now());
      if (closing.signal.aborted) return plainError(503, "The emulator has been closed");
      const address = addressOf(request, own);
      if (!address) return plainError(400, "Invalid request"); // as the official proxies put it
      const inner = new Request(new URL(address.path + address.search, "http://emulator"), {
        method: request.method,
        headers: request.headers,
        signal: request.signal,
        ...(body && body.byteLength > 0 && { body }),
      });
      return app.fetch(inner, { address });
    },
    get jobs() {
      return [...machine.jobs.values()].map(viewOf);
    },
    received: recorder.list,
    async close() {
      closing.abort();
      await machine.close();
    },
  };
}

function routes(platform: Platform): Hono<RouteEnv> {
  return new Hono<RouteEnv>()
    .use(cors({ origin: "*", exposeHeaders: ["*"], allowMethods: ["GET", "HEAD", "POST", "PUT", "DELETE"] }))
    .use(passage)
    .route("/", queueRoutes(platform))
    .route("/", runRoutes(platform))
    .route("/", fileRoutes(platform))
    .route("/", storageRoutes(platform))
    .route("/", pricingRoutes(platform))
    .route("/", healthRoutes(platform))
    .notFound((c) => plainError(404, `Path ${c.req.path} not found`))
    .onError((error) => plainError(500, `The emulator broke: ${error.message}`));
}

/**
 * Every answer passes here, before a request is acted on and after: the one place from which an exchange can be made
 * to go wrong.
 */
const passage: MiddlewareHandler<RouteEnv> = async (_c, next) => {
  await next();
};
