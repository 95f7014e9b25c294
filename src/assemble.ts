import { type Accounts, accountsOf } from "./attribution/accounts.ts";
import { attributionHere } from "./attribution/context.ts";
import type { Background } from "./base/background.ts";
import type { Clock } from "./base/clock.ts";
import { systemClock } from "./base/clock.ts";
import { MAX_REPLY_BYTES, type Transport } from "./base/transport.ts";
import { type Calls, createCalls } from "./calls/call.ts";
import { currentRun } from "./calls/enclosing-run.ts";
import { createHooks } from "./calls/hooks.ts";
import type { Hooks, Slots } from "./calls/services.ts";
import { createSlots } from "./calls/slots.ts";
import { createUnpriced } from "./calls/unpriced.ts";
import type { ChainServices } from "./chain/services.ts";
import { leaseSettings } from "./chain/services.ts";
import { type FalKey, MISSING_KEY } from "./environment/credentials.ts";
import { ambientEnv, type Environment, readEnvironment } from "./environment/environment.ts";
import type { Origins } from "./environment/origins.ts";
import { EnvironmentError } from "./errors/environment.ts";
import { hidden } from "./errors/saved-error.ts";
import type { FalOptions } from "./fal.ts";
import { createKeptFiles } from "./files/kept-files.ts";
import type { Alerts } from "./ledger/alerts.ts";
import type { BillingAccount } from "./ledger/bill.ts";
import { type BudgetSettings, budgets } from "./ledger/budget.ts";
import { type EstimateCall, estimates } from "./ledger/estimate.ts";
import { markupOf } from "./ledger/markup.ts";
import { watched } from "./ledger/watched-store.ts";
import { type AccountReader, createAccount } from "./platform/account.ts";
import { type BillingEvents, createBillingEvents, createBillPages } from "./platform/billing.ts";
import { createUsualCosts } from "./platform/estimates.ts";
import { createPrices } from "./platform/prices.ts";
import { createHistory } from "./platform/requests.ts";
import { createRunnerUsage, type ReadRunnerUsage } from "./platform/runner-usage.ts";
import { createWholeBill } from "./platform/whole-bill.ts";
import { createDirect } from "./queue/direct.ts";
import { createQueue, type Queue } from "./queue/queue.ts";
import { createTokens } from "./queue/tokens.ts";
import type { WebSocketClass } from "./realtime/socket.ts";
import { createStorage } from "./storage/storage.ts";
import type { Ledger } from "./store/ledger.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";
import { createTransport } from "./transport/http.ts";
import { isBrowser, isProxied, middlewareOf } from "./transport/middleware.ts";
import { backoffMs, policyFor } from "./transport/retry.ts";

/** All that a client is made of. */
export interface ClientServices extends ChainServices {
  /** What connections are made with; undefined where the runtime has nothing for it. */
  readonly webSocket: () => WebSocketClass | undefined;
  readonly maxReplyBytes: number;
  readonly environment: Environment;
  readonly calls: Calls;
  readonly estimate: EstimateCall;
  readonly budgetSettings: BudgetSettings;
  readonly billingEvents: BillingEvents;
  readonly billingAccount: BillingAccount;
  readonly account: AccountReader;
  readonly runnerUsage: ReadRunnerUsage;
  /** Whether an incoming request's `x-fal-request-id` is fal's word, and not that of whoever sent it. */
  trustsRequestId(): boolean;
}

/** What stands before the services, and outlives a change of settings: who is told, and where it is noted. */
export interface Ground {
  readonly alerts: Alerts;
  readonly environment: Environment;
  readonly telemetry: Telemetry;
  readonly ledger: Ledger;
  readonly background: Background;
  /** Aborts when the client closes; one that is used again has another. */
  readonly closing: () => AbortSignal;
}

/** Puts the folders together: the only place that knows them all. */
export function assemble(options: FalOptions, ground: Ground): ClientServices {
  const { environment, telemetry, ledger, alerts, background, closing } = ground;
  const clock = options.clock ?? systemClock;
  const { report } = telemetry;
  const origins = once((): Origins => environment.origins);
  const fetch: typeof globalThis.fetch = (...args) => (options.fetch ?? globalThis.fetch)(...args);
  const network = networkOf(options, ground, origins, clock);
  const keptAccounts = new Kept<Accounts>();
  const accounts = () => {
    const { identity } = environment;
    return keptAccounts.of([identity], () => accountsOf(identity, options.ownAccounts));
  };
  const isOurs = (url: string) => origins().trusted.has(URL.parse(url)?.origin ?? "");
  // Made of the services that they are a part of.
  const own: { hooks?: Hooks | undefined; calls?: Calls } = {};
  const budgetSettings = { client: options.budget, tags: options.budgets };
  const guarded = once(() => watched(ledger.guarded(), alerts, { clock, background, report }));
  const estimate = estimates({
    price: network.price,
    usualCost: network.usualCost,
    past: (kind) => ledger.guarded().calls.pastCosts(kind),
    units: options.units,
  });
  const services: ClientServices = {
    ...network,
    environment,
    clock,
    background,
    report,
    hide: telemetry.hide,
    observe: telemetry.call,
    observeRun: telemetry.run,
    get store() {
      return guarded();
    },
    get directStore() {
      return ledger.direct();
    },
    retryPause: (attempt) =>
      backoffMs(policyFor("submit", options.retry), attempt, options.random ?? Math.random),
    unpriced: createUnpriced(),
    budgetSettings,
    units: options.units,
    estimate,
    reserve: budgets(budgetSettings, estimate, {
      now: () => clock.now(),
      used: (query) => ledger.guarded().used(query),
    }),
    slots: slotsOf(options, ground, network.queue, clock),
    files: createKeptFiles({ keep: options.keepFiles, fetch, clock, isOurs, report, closing }),
    reuse: { settings: options.reuse, underWay: new Map(), rehosted: new Map(), originals: new Map() },
    markup: (call) => markupOf(options.markup, call),
    ambiguousSubmit: options.ambiguousSubmit,
    requireRun: options.requireRun ?? false,
    lease: leaseSettings(options.lease),
    isStoreUnsaid: () => !options.store && !(options.env ?? ambientEnv())["FAL_CHAIN_STORE"]?.trim(),
    webSocket: () => options.webSocket ?? globalThis.WebSocket,
    maxReplyBytes: options.maxReplyBytes ?? MAX_REPLY_BYTES,
    accounts,
    trustsRequestId: () => options.trustRequestId ?? accounts().behindGateway,
    jobId: () => environment.identity.jobId,
    context() {
      const { jobId, appName } = environment.identity;
      const attribution = attributionHere();
      const payer = payerOf(options, environment);
      return { attribution, of: currentRun()?.of, jobId, app: appName, payer, accounts: accounts() };
    },
    get hooks() {
      return own.hooks;
    },
    get calls() {
      own.calls ??= createCalls(services);
      return own.calls;
    },
  };
  own.hooks = hooksOf(options, ground, services, origins);
  return services;
}

/** What of the network the services reach, each folder through the one transport. */
function networkOf(
  options: FalOptions,
  { environment, telemetry }: Ground,
  origins: () => Origins,
  clock: Clock,
) {
  const transport: Transport = createTransport({
    key: keyOf(options, environment, telemetry),
    middleware: middlewareOf(options),
    isKept: options.proxyUrl ? (url) => isProxied(options) && url.startsWith(`${origins().api}/`) : undefined,
    responseHandler: options.responseHandler,
    trusted: () => origins().trusted,
    fetch: options.fetch,
    maxReplyBytes: options.maxReplyBytes,
    clock,
    random: options.random ?? Math.random,
    retry: options.retry,
    report: telemetry.report,
  });
  const api = () => origins().api;
  const price = createPrices(transport, api, clock);
  const billPages = createBillPages(transport, api);
  const account = createAccount(transport, api);
  return {
    queue: createQueue(transport, () => origins().queue),
    direct: createDirect(
      transport,
      () => origins().run,
      () => origins().queue,
    ),
    issueToken: createTokens(transport, () => origins().rest),
    history: createHistory(transport, api, clock),
    storage: createStorage(transport, () => origins().rest, clock, telemetry.report),
    price,
    usualCost: createUsualCosts(transport, api, clock),
    billingEvents: createBillingEvents(billPages, clock),
    billingAccount: billingAccountOf(createWholeBill(billPages), account, () =>
      isProxied(options) ? undefined : keyOrNone(environment)?.id,
    ),
    account,
    runnerUsage: createRunnerUsage(transport, api, clock),
  };
}

/** What is only good to know of an account stops no bill from being read. */
const billingAccountOf = (
  bill: BillingAccount["bill"],
  account: AccountReader,
  ownKeyId: () => string | undefined,
): BillingAccount => ({
  bill,
  name: (signal) => account.name(signal).catch(() => undefined),
  keyIds: (signal) => account.keyIds(signal).catch(() => []),
  get ownKeyId() {
    return ownKeyId();
  },
});

/** The key where a request takes it. A page that has one shows it to everybody, which is said once. */
function keyOf(
  { suppressLocalCredentialsWarning: isMeant = false, proxyUrl }: FalOptions,
  environment: Environment,
  { report }: Telemetry,
): () => FalKey {
  let isSaid = isMeant;
  return () => {
    const key = proxyUrl ? keyBeside(environment) : environment.key;
    if (isSaid || !isBrowser()) return key;
    isSaid = true;
    report("The key is in a page", new Error(EXPOSED));
    return key;
  };
}

const EXPOSED =
  "whoever opens it can read the key and spend with it; leave it to a server, which proxyUrl names, " +
  "or set suppressLocalCredentialsWarning: true";

/** @throws {EnvironmentError} saying too why the proxy is no help. */
function keyBeside(environment: Environment): FalKey {
  try {
    return environment.key;
  } catch (error) {
    if (!(error instanceof EnvironmentError) || error.variable !== "FAL_KEY") throw error;
    if (error.code !== "missing_variable") throw error;
    throw new EnvironmentError(error.code, "FAL_KEY", MISSING_KEY.problem, ONLY_IN_PAGES + MISSING_KEY.cure);
  }
}

const ONLY_IN_PAGES =
  'proxyUrl is used in pages only; to go through it from here too, set proxyUrl: { url, when: "always" }. ';

function hooksOf(
  { webhooks, fetch }: FalOptions,
  { ledger }: Ground,
  services: ClientServices,
  origins: () => Origins,
): Hooks | undefined {
  if (!webhooks) return undefined;
  const { environment, clock } = services;
  const { url, secret, maxBytes, sweepMs = 120_000 } = webhooks;
  return createHooks(services, {
    url,
    sweepMs,
    store: ledger.told,
    secret: () => secret ?? environment.key.header(),
    async receive(request) {
      // Only who has webhooks loads what checks them.
      const { receiveWebhook } = await import("./webhooks/receive.ts");
      const jwksUrl = `${origins().rest}/.well-known/jwks.json`;
      const told = await receiveWebhook(request, {
        ...{ jwksUrl, clock },
        ...(fetch && { fetch }),
        ...(maxBytes !== undefined && { maxBytes }),
      });
      return hidden(told, services.hide);
    },
  });
}

function slotsOf(
  options: FalOptions,
  { ledger, telemetry, environment }: Ground,
  queue: Queue,
  clock: Clock,
): Slots | undefined {
  const { maxInFlight, webhooks } = options;
  if (maxInFlight === undefined || webhooks) return undefined;
  const account = () => (middlewareOf(options) ? keyOrNone(environment) : environment.key)?.redacted() ?? "";
  const slots = () => ledger.guarded().slots;
  return createSlots({ slots, queue, clock, report: telemetry.report, max: maxInFlight, account });
}

/** A runner's own key is its owner's; whose another one is, only the bill tells. */
function payerOf(options: FalOptions, environment: Environment) {
  const key = isProxied(options) ? undefined : keyOrNone(environment);
  const { userNickname } = environment.identity;
  return { keyId: key?.id, account: key && key.source !== "credentials" ? userNickname : undefined };
}

/** Behind a proxy there need be none. */
function keyOrNone(environment: Environment): FalKey | undefined {
  try {
    return environment.key;
  } catch {
    return undefined;
  }
}

/** The environment as the options have it, whenever it is asked; what has not changed is not read anew. */
export function environmentOf({ env, credentials, allowHttp = false }: FalOptions): Environment {
  const variables = () => env ?? ambientEnv();
  const read = (key?: string) => readEnvironment(variables(), { credentials: key, allowHttp });
  const key = new Kept<FalKey>();
  const identity = new Kept<Environment["identity"]>();
  return {
    get key() {
      const given = typeof credentials === "function" ? credentials() : credentials;
      const { FAL_KEY, FAL_KEY_ID, FAL_KEY_SECRET } = variables();
      return key.of([given, FAL_KEY, FAL_KEY_ID, FAL_KEY_SECRET], () => read(given).key);
    },
    get identity() {
      const { FAL_JOB_ID, FAL_APP_NAME, FAL_APP_ID, FAL_USER_NICKNAME, FAL_REGION } = variables();
      const sources = [FAL_JOB_ID, FAL_APP_NAME, FAL_APP_ID, FAL_USER_NICKNAME, FAL_REGION];
      return identity.of(sources, () => read().identity);
    },
    get origins() {
      return read().origins;
    },
    get runnerState() {
      return read().runnerState;
    },
    get hfHome() {
      return read().hfHome;
    },
  };
}

/** A value that is made of others, and made again only where one of those is another. */
class Kept<T> {
  #made: { readonly from: readonly unknown[]; readonly value: T } | undefined;

  of(from: readonly unknown[], make: () => T): T {
    if (!this.#made?.from.every((source, n) => source === from[n])) this.#made = { from, value: make() };
    return this.#made.value;
  }
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
