import { accountsOf } from "./attribution/accounts.ts";
import { currentAttribution, withRequest, withTags } from "./attribution/context.ts";
import { requestIdOf } from "./attribution/incoming.ts";
import { replyHeaders } from "./attribution/onward.ts";
import { byRootNames } from "./attribution/root.ts";
import { bound } from "./base/async-context.ts";
import type { Background } from "./base/background.ts";
import { systemClock } from "./base/clock.ts";
import type { Report } from "./base/report.ts";
import type { BillDeps } from "./calls/bill.ts";
import { createHooks, type HookDeps, type Hooks } from "./calls/hooks.ts";
import { contextNow } from "./calls/options.ts";
import { createQueueClient } from "./calls/queue-client.ts";
import { createRecordedCalls } from "./calls/recorded-calls.ts";
import { createPlaces, type Places } from "./calls/slots.ts";
import { createCalls } from "./calls/subscribe.ts";
import { createChains } from "./chain/chain.ts";
import { createRuns } from "./chain/runs.ts";
import { leaseSettings } from "./chain/services.ts";
import { tools } from "./chain/tools.ts";
import { ambientEnv, type Environment, readEnvironment } from "./environment/environment.ts";
import type { Origins } from "./environment/origins.ts";
import { InvalidArgumentError } from "./errors/arguments.ts";
import { StoreError } from "./errors/store.ts";
import type { Fal, FalOptions } from "./fal.ts";
import { createKeptFiles } from "./files/kept-files.ts";
import { budgets } from "./ledger/budget.ts";
import { costsIn } from "./ledger/costs.ts";
import { estimates } from "./ledger/estimate.ts";
import { type ReconcileOptions, reconcile } from "./ledger/reconcile.ts";
import { createBillingEvents } from "./platform/billing.ts";
import { createUsualCosts } from "./platform/estimates.ts";
import { createPrices } from "./platform/prices.ts";
import { createHistory } from "./platform/requests.ts";
import { endpoint } from "./queue/endpoint.ts";
import { createQueue } from "./queue/queue.ts";
import { createStorage } from "./storage/storage.ts";
import { lazyStore } from "./store/lazy.ts";
import { redacted } from "./store/redacted.ts";
import { withRescue } from "./store/rescue.ts";
import { type Rescued, readBack, rescueFileFor } from "./store/rescue-file.ts";
import { selectedStore } from "./store/selected.ts";
import { createTelemetry } from "./telemetry/telemetry.ts";
import { createTransport } from "./transport/http.ts";

export function createFal(options: FalOptions = {}): Fal {
  const background: Background = new Set();
  let settings = options;
  const report: Report = (...said) => parts.report(...said);
  const hide = (text: string) => parts.hide(text);
  let ledger = ledgerOf(() => settings, report, hide);
  const ledgers = [ledger];
  let parts = assemble(settings, ledger, background);
  const chains = createChains(() => parts);

  return {
    subscribe: (target, call) => parts.calls.subscribe(target, call),
    chain: chains.define,
    step: tools.step,
    map: tools.map,
    branch: tools.branch,
    fallback: tools.fallback,
    runs: createRuns(() => parts, chains),
    price: (id) => parts.price(id),
    estimate: (...call) => parts.estimate(...call),
    billingEvents: (query) => parts.billingEvents(query),
    reconcile: (options) => parts.reconcile(options),
    costs: async (query = {}) => costsIn(parts.store, parts.clock, await byRootNames(query)),
    get queue() {
      return parts.queueClient;
    },
    get calls() {
      return parts.recorded;
    },
    get files() {
      return parts.files;
    },
    webhooks: { handle: (request) => parts.handleHook(request) },
    get storage() {
      return parts.storage;
    },
    get environment() {
      return parts.environment;
    },
    endpoint,
    withTags,
    withRequest: (request, fn) => withRequest(request, parts.accounts(), fn),
    bind: bound,
    replyHeaders: () => replyHeaders(currentAttribution()),
    async handle(request, fn) {
      const id = requestIdOf(request);
      if (id === undefined) return withRequest(request, parts.accounts(), fn);
      return withRequest(request, parts.accounts(), () =>
        chains.handle(parts.environment.identity.appName ?? "request", id, fn),
      );
    },
    config(more) {
      settings = { ...settings, ...more };
      // Another key is no reason to forget what was noted so far.
      if ("store" in more || "clock" in more) {
        ledger = ledgerOf(() => settings, report, hide);
        ledgers.push(ledger);
      }
      parts = assemble(settings, ledger, background);
    },
    async close() {
      await chains.detach();
      while (background.size > 0) await Promise.allSettled(background);
      await Promise.all(ledgers.map((ledger) => ledger.close()));
    },
  };
}

/** Puts the folders together: the only place that knows them all. */
function assemble(options: FalOptions, ledger: Ledger, background: Background) {
  const clock = options.clock ?? systemClock;
  const environment = environmentOf(options);
  const origins = once((): Origins => environment.origins);

  const transport = createTransport({
    key: () => environment.key,
    trusted: () => origins().trusted,
    fetch: (...args) => (options.fetch ?? globalThis.fetch)(...args),
    clock,
    random: options.random ?? Math.random,
    retry: options.retry,
  });
  const accounts = () => accountsOf(environment.identity, options.ownAccounts);
  const queue = createQueue(transport, () => origins().queue);
  const api = () => origins().api;
  const price = createPrices(transport, api, clock);
  const estimate = estimates({ price, usualCost: createUsualCosts(transport, api, clock) });
  const billingEvents = createBillingEvents(transport, api, clock);
  const history = createHistory(transport, api, clock);
  const storage = createStorage(transport, () => origins().rest, clock);
  const telemetry = createTelemetry({
    logger: options.logger,
    logPayloads: options.logPayloads,
    env: () => options.env ?? ambientEnv(),
    environment,
    clock,
  });
  const { report, hide } = telemetry;
  const store = ledger.rescued;

  const files = createKeptFiles({
    directory: options.keepFiles,
    fetch: (...args) => (options.fetch ?? globalThis.fetch)(...args),
    clock,
    isOurs: (url) => origins().trusted.has(URL.parse(url)?.origin ?? ""),
    report,
  });
  const common = { queue, history, store, clock, price, background, report };
  const deps = {
    ...common,
    hooks: hooksOf(options, { ...common, environment, origins }),
    keepFiles: files.keep,
    places: placesOf(options, { store, clock, report, environment }),
    witness: telemetry.call,
    ambiguousSubmit: options.ambiguousSubmit,
    context() {
      const { identity } = environment;
      return contextNow(identity, accountsOf(identity, options.ownAccounts));
    },
    reserve: budgets({ client: options.budget, tags: options.budgets }, estimate),
    requireRun: options.requireRun ?? false,
    upload: storage.upload,
  };
  const calls = createCalls(deps);
  return {
    environment,
    accounts,
    clock,
    jobId: () => environment.identity.jobId,
    calls,
    store,
    keptIn: ledger.direct,
    report,
    hide,
    observeRun: telemetry.run,
    lease: leaseSettings(options.lease),
    isStoreUnsaid: () => !options.store && !(options.env ?? ambientEnv())["FAL_CHAIN_STORE"]?.trim(),
    files,
    upload: (file: Blob) => storage.upload(file),
    price,
    estimate,
    billingEvents,
    reconcile: (how?: ReconcileOptions) =>
      reconcile({ store: ledger.direct, clock, bill: billingEvents }, how),
    storage,
    queueClient: createQueueClient(deps, calls),
    handleHook:
      deps.hooks?.handle ?? (async () => new Response("This client takes no webhooks.", { status: 404 })),
    recorded: { ...createRecordedCalls({ ...deps, store: ledger.direct }, deps), rescue: ledger.rescue },
  };
}

type Ledger = ReturnType<typeof ledgerOf>;

/** The store that calls are noted in: the caller's, or one that is selected at the first call, as the environment says then. */
function ledgerOf(settings: () => FalOptions, report: Report, hide: (text: string) => string) {
  const { store: given, clock = systemClock } = settings();
  const env = () => settings().env ?? ambientEnv();
  const selected = once(() => selectedStore(env(), clock));
  const direct = given ?? lazyStore(selected);
  const rescueFile = () => settings().rescueFile ?? rescueFileFor(direct, env());
  const rescued = once(() =>
    redacted(withRescue(given ?? selected(), { file: rescueFile, report, clock }), hide),
  );
  return {
    direct,
    rescued: lazyStore(rescued),
    async rescue(file?: string): Promise<Rescued> {
      // One that cannot be opened says so, whether or not there is a file.
      await direct.calls.list({ limit: 1 });
      const path = file ?? rescueFile();
      if (path === undefined) throw new StoreError("There is no file system, and so no rescue file.");
      return readBack(path, direct);
    },
    close: async () => {
      if (!given) await selected().close();
    },
  };
}

type Wiring = Pick<HookDeps, "queue" | "history" | keyof BillDeps> & {
  readonly environment: Environment;
  readonly origins: () => Origins;
};

function hooksOf(
  { webhooks, fetch }: FalOptions,
  { environment, origins, ...wiring }: Wiring,
): Hooks | undefined {
  if (!webhooks) return undefined;
  const { url, secret, sweepMs = 120_000 } = webhooks;
  return createHooks({
    ...wiring,
    url,
    sweepMs,
    secret: () => secret ?? environment.key.header(),
    async receive(request) {
      // Only who has webhooks loads what checks them.
      const { receiveWebhook } = await import("./webhooks/receive.ts");
      const jwksUrl = `${origins().rest}/.well-known/jwks.json`;
      return receiveWebhook(request, { jwksUrl, clock: wiring.clock, ...(fetch && { fetch }) });
    },
  });
}

function placesOf(
  { maxInFlight, webhooks }: FalOptions,
  { environment, ...wiring }: Pick<Wiring, "store" | "clock" | "report" | "environment">,
): Places | undefined {
  if (maxInFlight === undefined || webhooks) return undefined;
  if (!(maxInFlight >= 1)) {
    throw new InvalidArgumentError(`maxInFlight is ${maxInFlight}; it is a number from 1 up.`);
  }
  return createPlaces({ ...wiring, max: maxInFlight, account: () => environment.key.redacted() });
}

function environmentOf({ env, credentials, allowHttp = false }: FalOptions): Environment {
  const read = (key?: string) => readEnvironment(env ?? ambientEnv(), { credentials: key, allowHttp });
  return {
    get key() {
      return read(typeof credentials === "function" ? credentials() : credentials).key;
    },
    get origins() {
      return read().origins;
    },
    get identity() {
      return read().identity;
    },
    get runnerState() {
      return read().runnerState;
    },
    get hfHome() {
      return read().hfHome;
    },
  };
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** The client that most programs need: its settings come from the environment, at the first call. */
export const fal: Fal = createFal();
