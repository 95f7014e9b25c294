import { assemble, type ClientServices, environmentOf } from "./assemble.ts";
import { atRequest, currentAttribution, withRequest, withTags } from "./attribution/context.ts";
import { requestIdOf } from "./attribution/incoming.ts";
import { replyHeaders } from "./attribution/onward.ts";
import { byRootNames } from "./attribution/root.ts";
import { wireTags } from "./attribution/tags.ts";
import { bound } from "./base/async-context.ts";
import type { Background } from "./base/background.ts";
import { systemClock } from "./base/clock.ts";
import { OVER } from "./base/signal.ts";
import { runDirectly } from "./calls/direct.ts";
import { currentRun } from "./calls/enclosing-run.ts";
import { createQueueClient } from "./calls/queue-client.ts";
import { createRecordedCalls } from "./calls/recorded-calls.ts";
import { type OpenStream, openStream } from "./calls/stream.ts";
import { createChains } from "./chain/chain.ts";
import { budgetsOfOpenRuns, budgetsOfRun } from "./chain/run-budgets.ts";
import { createRuns } from "./chain/runs.ts";
import { tools } from "./chain/tools.ts";
import { checkClientOptions } from "./client-options.ts";
import { ambientEnv } from "./environment/environment.ts";
import { runtimeTooOld } from "./errors/environment.ts";
import type { Fal, FalOptions } from "./fal.ts";
import { type Alerts, createAlerts } from "./ledger/alerts.ts";
import { type BudgetSources, createBudgets } from "./ledger/budget-state.ts";
import { createCosts } from "./ledger/cost-reports.ts";
import type { Estimate, UnitsOf } from "./ledger/estimate.ts";
import { defaultsOf } from "./queue/defaults.ts";
import { type AnyEndpoint, type EndpointId, endpoint, idOf, parseEndpointId } from "./queue/endpoint.ts";
import { createRealtime } from "./realtime/realtime.ts";
import { createLedger, type Ledger } from "./store/ledger.ts";
import { createTelemetry } from "./telemetry/telemetry.ts";
import { isBrowser } from "./transport/middleware.ts";

export function createFal(options: FalOptions = {}): Fal {
  checkClientOptions(options);
  const background: Background = new Set();
  const client = openClient(options, background);
  const chains = createChains(() => client.services);
  const stream: OpenStream = (target, call) => openStream(client.services, target, call);

  const realtime = createRealtime({
    services: () => client.services,
    runBase: () => client.services.environment.origins.run,
    isBrowser,
    webSocket: () => client.services.webSocket(),
    maxFrameBytes: () => client.services.maxReplyBytes,
  });

  return {
    subscribe: (target, call) => client.services.calls.subscribe(target, call),
    run: (target, call) => runDirectly(client.services, target, call),
    stream,
    streaming: { stream },
    realtime: realtime.client,
    chain: chains.define,
    step: tools.step,
    map: tools.map,
    branch: tools.branch,
    fallback: tools.fallback,
    runs: createRuns(() => client.services, chains),
    price: (id) => client.services.price(id),
    estimate: (target, input, { units } = {}) => estimateOf(client.services, target, input, units),
    balance: () => client.services.account.balance(),
    billingEvents: (query) => client.services.billingEvents(query),
    // What reports are made of loads with the first of them.
    async reconcile(how) {
      const { directStore, clock, billingAccount } = client.services;
      const { reconcile } = await import("./ledger/reconcile.ts");
      return reconcile(directStore, clock, billingAccount, (tags) => wireTags({}, tags), how);
    },
    costs: createCosts(() => client.services, byRootNames),
    async invoice(query) {
      const { store, clock } = client.services;
      const { invoiceOf } = await import("./ledger/invoice.ts");
      return invoiceOf(store, clock, query);
    },
    budgets: createBudgets(() => budgetSources(client.services)),
    onBudget: client.alerts.onBudget,
    onOutlier: client.alerts.onOutlier,
    get queue() {
      return createQueueClient(client.services, client.services.calls);
    },
    get calls() {
      return { ...createRecordedCalls(client.services), rescue: client.ledger.rescue };
    },
    get files() {
      return client.services.files;
    },
    webhooks: { handle: async (request) => client.services.hooks?.handle(request) ?? NO_HOOKS() },
    get storage() {
      return client.services.storage;
    },
    get environment() {
      return client.services.environment;
    },
    get isDurable() {
      return client.services.directStore.durable;
    },
    endpoint,
    withTags,
    withRequest: (request, fn) => withRequest(request, client.services.accounts(), fn),
    bind: bound,
    replyHeaders: () => replyHeaders(currentAttribution()),
    async handle(request, fn, how) {
      const { accounts, environment, trustsRequestId } = client.services;
      const id = trustsRequestId() ? requestIdOf(request) : undefined;
      return atRequest(request, accounts(), () =>
        chains.handle(environment.identity.appName ?? "request", id, fn, how),
      );
    },
    config: client.config,
    async close() {
      realtime.closeAll();
      await chains.detach();
      while (background.size > 0) {
        client.endCopies();
        await Promise.allSettled(background);
      }
      await client.close();
    },
  };
}

/** @throws {InvalidArgumentError} for what is no endpoint id. */
async function estimateOf(
  { estimate }: ClientServices,
  target: EndpointId | AnyEndpoint,
  input: unknown,
  units?: UnitsOf,
): Promise<Estimate> {
  const { id } = parseEndpointId(idOf(target));
  return estimate({ endpoint: id, input: input ?? {}, units, defaults: defaultsOf(id) });
}

function budgetSources(services: ClientServices): BudgetSources {
  const { store, clock, budgetSettings, context } = services;
  const { attribution, of, jobId, app } = context();
  return {
    store,
    estimate: (endpoint, input) => estimateOf(services, endpoint, input),
    now: clock.now(),
    settings: budgetSettings,
    tags: attribution.tags,
    whose: { jobId, app, chain: of?.chain, run: of?.run, request: attribution.request },
    ofRun: async (name) => (name === undefined ? (currentRun()?.budgets ?? []) : budgetsOfRun(store, name)),
    ofOpenRuns: () => budgetsOfOpenRuns(store),
  };
}

const NO_HOOKS = () => new Response("This client takes no webhooks.", { status: 404 });

/** What a client is made of, which `config` makes anew; it goes on noting where it did, unless it is told where else. */
interface Client {
  readonly services: ClientServices;
  readonly ledger: Ledger;
  readonly alerts: Alerts;
  config(more: FalOptions): void;
  /** Leaves the copies of files that are under way a little time. */
  endCopies(): void;
  close(): Promise<void>;
}

function openClient(options: FalOptions, background: Background): Client {
  let settings = options;
  const env = () => settings.env ?? ambientEnv();
  const environment = () => environmentOf(settings);
  let telemetry = createTelemetry(settings, environment(), env);
  const ledgers: Ledger[] = [];
  const openLedger = (): Ledger => {
    const ledger = createLedger({
      store: settings.store,
      clock: settings.clock ?? systemClock,
      env,
      rescueFile: () => settings.rescueFile,
      report: (...said) => telemetry.report(...said),
      hide: (text) => telemetry.hide(text),
    });
    ledgers.push(ledger);
    return ledger;
  };
  let closing = new AbortController();
  const alerts = createAlerts(() => ({
    report: (...said) => telemetry.report(...said),
    clock: settings.clock ?? systemClock,
    background,
    fetch: (...of) => (settings.fetch ?? globalThis.fetch)(...of),
  }));
  const ground = () => ({
    alerts,
    environment: environment(),
    telemetry,
    background,
    closing: () => closing.signal,
  });
  const assembled = (ledger: Ledger) => assemble(settings, { ...ground(), ledger });
  let ledger = openLedger();
  let services = assembled(ledger);

  return {
    alerts,
    get services() {
      if (!("withResolvers" in Promise)) throw runtimeTooOld();
      return services;
    },
    get ledger() {
      return ledger;
    },
    config(more) {
      checkClientOptions(more);
      settings = { ...settings, ...more };
      telemetry = createTelemetry(settings, environment(), env);
      // Another key is no reason to forget what was noted so far.
      if ("store" in more || "clock" in more) ledger = openLedger();
      services = assembled(ledger);
    },
    endCopies() {
      closing.abort(OVER);
      closing = new AbortController();
    },
    async close() {
      await Promise.all(ledgers.map((ledger) => ledger.close()));
    },
  };
}

/** The client that most programs need: its settings come from the environment, at the first call. */
export const fal: Fal = createFal();
