import { isDeepStrictEqual } from "node:util";
import { Hono } from "hono";
import { cors } from "hono/cors";
import { bytesOf, TooManyBytes } from "../base/bounded-body.ts";
import { systemClock } from "../base/clock.ts";
import { checkOptions } from "../base/options.ts";
import { runtimeTooOld } from "../errors/environment.ts";
import type { HostedApp } from "../gateway/app.ts";
import type { Fleet } from "../gateway/fleet.ts";
import type { Model } from "../model/model.ts";
import { standIns } from "../stand-ins/index.ts";
import { addressOf } from "./address.ts";
import { type BillingSwitches, billingSwitches } from "./billing.ts";
import { modelFor } from "./catalog.ts";
import { EMULATOR, type EmulatorOptions, type Served } from "./emulator-options.ts";
import { type Expectations, expectations } from "./expect.ts";
import { createPassage, type Passage } from "./faults/passage.ts";
import { createFaultPlan, type Faults } from "./faults/plan.ts";
import { follow } from "./faults/script.ts";
import { createFileStore } from "./files.ts";
import { type HistorySwitches, historySwitches } from "./history.ts";
import { createHooks, type HookAttempt } from "./hooks/hooks.ts";
import { createHookSigner } from "./hooks/signer.ts";
import { hostApps } from "./host-apps.ts";
import { type JobView, type Outcome, viewOf } from "./job.ts";
import { createMachine } from "./machine.ts";
import { createPerformer } from "./perform.ts";
import type { Platform, RouteEnv } from "./platform.ts";
import { type AcceptRealtime, answerRealtime } from "./realtime.ts";
import { createRecorder, type ReceivedRequest, type Recorder } from "./received.ts";
import { plainError, platformError } from "./replies.ts";
import { KEEP } from "./retention.ts";
import { billingRoutes } from "./routes/billing.ts";
import { fileRoutes } from "./routes/files.ts";
import { healthRoutes } from "./routes/health.ts";
import { historyRoutes } from "./routes/history.ts";
import { hookRoutes } from "./routes/hooks.ts";
import { type Inspected, inspectionRoutes } from "./routes/inspection.ts";
import { modelRoutes } from "./routes/models.ts";
import { pricingRoutes } from "./routes/pricing.ts";
import { queueRoutes } from "./routes/queue.ts";
import { runRoutes } from "./routes/run.ts";
import { serverlessRoutes } from "./routes/serverless.ts";
import { storageRoutes } from "./routes/storage.ts";
import { tokenRoutes } from "./routes/tokens.ts";
import { createRunnerBill, type Runners } from "./runners.ts";
import { restoreFrom, snapshotOf } from "./snapshot.ts";
import { createTokens } from "./tokens.ts";
import { createUploads } from "./uploads.ts";
import { type Connect, webSocketOf } from "./web-socket.ts";

export interface Emulator extends Expectations {
  fetch(request: Request): Promise<Response>;
  /** A WebSocket to it, without a socket: `createFal({ webSocket: emulator.WebSocket })`. */
  readonly WebSocket: typeof WebSocket;
  /** What a server asks where somebody wants to open a WebSocket: what refuses it, or what takes it. */
  connect(request: Request): Promise<Response | AcceptRealtime>;
  /** Every accepted request, oldest first; each is as it was when this was read. */
  readonly jobs: readonly JobView[];
  job(requestId: string): JobView | undefined;
  /**
   * The accepted requests that had exactly this input. More than one where one was meant: something was paid twice.
   * Left out: every endpoint.
   */
  jobsWith(input: unknown, endpoint?: string): readonly JobView[];
  /** The latest 2,000 HTTP requests, oldest first, each with the fault that happened to it. */
  readonly received: readonly ReceivedRequest[];
  /** What goes wrong, and when. A request can also ask for it: `x-emulator-fault: lost-response`. */
  readonly faults: Faults;
  /** The latest 2,000 attempts to deliver webhooks, oldest first. */
  readonly hooks: readonly HookAttempt[];
  /** Can be changed at any time. */
  readonly history: HistorySwitches;
  /** Can be changed at any time. */
  readonly billing: BillingSwitches;
  /** The runners of the apps, by the app's id. */
  readonly fleets: ReadonlyMap<string, Fleet>;
  /** What runners cost: those of its apps are noted by themselves, and whoever runs others notes them here. */
  readonly runners: Runners;
  /** Begins anew: requests, what was received, webhooks and faults are forgotten, and what runs is stopped. Files stay. */
  reset(): void;
  /** Requests, what they cost, and files, as JSON. */
  snapshot(): string;
  /**
   * Goes back to a snapshot, of this emulator or another one; what had not ended runs anew.
   *
   * @throws {RangeError} for what is none; then nothing has changed.
   */
  restore(snapshot: string): void;
  /** Stops all jobs and runners, and ends all streams; what is asked later is answered with a 503. */
  close(): Promise<void>;
}

const NOTHING = new Uint8Array();
/** Longer files come in parts, of which each client makes smaller ones. */
const MOST_BODY_BYTES = 128 * 2 ** 20;

/** A fal platform of its own, as a function from request to response. */
export function createEmulator(options: EmulatorOptions & Served = {}): Emulator {
  checkOptions(options, EMULATOR, { of: "the emulator" });
  if (!("withResolvers" in Promise)) throw runtimeTooOld();
  const { platform, plan, hooks, stop } = partsOf(options);
  const { machine, apps, history, billing, runners, clock, concurrency, closing } = platform;
  const recorder = createRecorder();
  const reset = () => {
    machine.forget();
    options.past?.forgetJobs();
    recorder.clear();
    hooks.forget();
    plan.clear();
  };
  const snapshot = () => snapshotOf({ ...platform, past: options.past });
  const restore = (text: string) => {
    recorder.clear();
    hooks.forget();
    restoreFrom(text, { ...platform, past: options.past });
  };
  const app = routes(platform, { plan, received: recorder.list, reset, snapshot, restore });
  const jobs = () => [...machine.jobs.values()].map(viewOf);
  const pass = createPassage({ plan, machine, clock, concurrency, hooks, closing });

  const connect: Connect = async (request) => {
    recorder.add(request, NOTHING, clock.now());
    if (closing.aborted) return plainError(503, "The emulator has been closed");
    const address = addressOf(request, platform.own);
    return address ? answerRealtime(request, address, platform) : plainError(400, "Invalid request");
  };

  return {
    fetch: (request) => answerTo(request, platform, app, pass, recorder),
    connect,
    WebSocket: webSocketOf(connect),
    get jobs() {
      return jobs();
    },
    ...expectations(jobs),
    job(requestId) {
      const job = machine.jobs.get(requestId);
      return job && viewOf(job);
    },
    jobsWith(input, endpoint) {
      const meant = [...machine.jobs.values()].filter(
        (job) => (endpoint ?? job.endpoint) === job.endpoint && isDeepStrictEqual(job.input, input),
      );
      return meant.map(viewOf);
    },
    received: recorder.list,
    faults: plan,
    hooks: hooks.attempts,
    fleets: new Map([...apps].map(([id, { fleet }]) => [id, fleet])),
    ...{ history, billing, runners },
    reset,
    snapshot,
    restore,
    async close() {
      stop();
      const fleets = [...apps.values()].map(({ fleet }) => fleet.close());
      await Promise.all([machine.close(), ...fleets]);
      await hooks.close();
    },
  };
}

function partsOf(options: EmulatorOptions & Served) {
  const { clock = systemClock, seed = 0, concurrency = 2, timeScale = 1, fetch, past } = options;
  const models = new Map(
    (options.models ?? standIns).map((model) => [model.id, priced(model, options.prices)]),
  );
  const answersAll = (options.unknown ?? (options.models ? "refuse" : "echo")) === "echo";
  const files = createFileStore(undefined, past);
  const apps = new Map<string, HostedApp>();
  const plan = createFaultPlan(() => [...models.keys(), ...apps.keys()]);
  const controller = new AbortController();
  const closing = controller.signal;
  const signer = createHookSigner();
  const hooks = createHooks({ clock, fetch: fetch ?? globalThis.fetch, plan, signer, closing });
  const machine = createMachine({
    ...{ apps, clock, concurrency, timeScale },
    keep: { ...KEEP, ...options.keep },
    submitted: (job) => past?.noteJob(job),
    completed(job) {
      hooks.completed(job);
      try {
        past?.noteJob(job);
      } catch {
        // Its next life runs it anew.
      }
    },
    perform: createPerformer({
      modelFor: (endpoint) => modelFor(endpoint, { models, answersAll }),
      ...{ clock, files, seed, timeScale, fetch },
    }),
  });
  const billing = billingSwitches(options.billing);
  const runners = createRunnerBill(clock, () => billing.percentDiscount);
  const url = options.origin ?? options.servedAt;
  const hosting = { clock, timeScale, machine, bill: runners, url, onLine: options.onLine };
  hostApps(options.apps ?? [], apps, hosting);
  follow(plan, options.faults ?? []);
  for (const job of past?.jobs ?? []) machine.restore(job);
  const platform: Platform = {
    ...{
      clock,
      machine,
      files,
      models,
      answersAll,
      apps,
      concurrency,
      seed,
      billing,
      runners,
      signer,
      closing,
    },
    uploads: createUploads(files),
    tokens: createTokens(),
    own: { stated: options.origin?.replace(/(?<!\/)\/+$/, ""), servedAt: options.servedAt },
    history: historySwitches(options.history),
  };
  return { platform, plan, hooks, stop: () => controller.abort() };
}

const priced = (model: Model, prices: EmulatorOptions["prices"] = {}): Model =>
  Object.hasOwn(prices, model.id) ? { ...model, price: prices[model.id] as Model["price"] } : model;

/** Undefined where it is too long. */
const bodyOf = (request: Request): Promise<Uint8Array<ArrayBuffer> | undefined> =>
  bytesOf(request, { mostBytes: MOST_BODY_BYTES, within: (next) => next() }).catch((error: unknown) => {
    if (error instanceof TooManyBytes) return undefined;
    throw error;
  });

async function answerTo(
  request: Request,
  { clock, own, closing }: Platform,
  app: Hono<RouteEnv>,
  pass: Passage,
  recorder: Recorder,
): Promise<Response> {
  const hasBody = request.method !== "GET" && request.method !== "HEAD";
  const body = hasBody ? await bodyOf(request) : NOTHING;
  if (!body)
    return plainError(413, `The body is longer than ${MOST_BODY_BYTES} bytes. Upload files in parts.`);
  const record = recorder.add(request, body, clock.now());
  if (closing.aborted) return plainError(503, "The emulator has been closed");
  const address = addressOf(request, own);
  if (!address) return plainError(400, "Invalid request"); // as the official proxies put it
  const act = async (fate?: Outcome) => app.fetch(request, { address, body, ...(fate && { fate }) });
  const answer = await pass(request, address, act, record);
  // Where time is virtual, nobody else knows what to put there.
  answer.headers.set("date", new Date(clock.now()).toUTCString());
  return answer;
}

function routes(platform: Platform, inspected: Inspected): Hono<RouteEnv> {
  // A request is routed by what it is addressed to, whatever its own URL.
  return new Hono<RouteEnv>({ getPath: (_, options) => options?.env?.address.path ?? "/" })
    .use(cors({ origin: "*", exposeHeaders: ["*"], allowMethods: ["GET", "HEAD", "POST", "PUT", "DELETE"] }))
    .route("/", queueRoutes(platform))
    .route("/", runRoutes(platform))
    .route("/", fileRoutes(platform))
    .route("/", storageRoutes(platform))
    .route("/", tokenRoutes(platform))
    .route("/", modelRoutes(platform))
    .route("/", pricingRoutes(platform))
    .route("/", billingRoutes(platform))
    .route("/", serverlessRoutes(platform))
    .route("/", historyRoutes(platform))
    .route("/", hookRoutes(platform))
    .route("/", healthRoutes(platform))
    .route("/", inspectionRoutes(platform, inspected))
    .notFound(({ req: { path } }) =>
      path.startsWith("/api/")
        ? platformError(404, "not_found", `${path.slice("/api".length)} is not emulated`)
        : plainError(404, `Path ${path} not found`),
    )
    .onError((error) => plainError(500, `The emulator broke: ${error.message}`));
}
