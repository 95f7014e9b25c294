import type { IncomingRequest } from "./attribution/incoming.ts";
import type { UserTags } from "./attribution/tags.ts";
import type { Clock } from "./base/clock.ts";
import type { Calls } from "./calls/call.ts";
import type { RunDirectly } from "./calls/direct.ts";
import type { AmbiguousSubmitPolicy, Reuse } from "./calls/options.ts";
import type { QueueClient } from "./calls/queue-client.ts";
import type { RecordedCalls } from "./calls/recorded-calls.ts";
import type { OpenStream } from "./calls/stream.ts";
import type { DefineChain } from "./chain/chain.ts";
import type { HandleOptions } from "./chain/request.ts";
import type { RunScope, Tools } from "./chain/run-scope.ts";
import type { Runs } from "./chain/runs.ts";
import type { LeaseSettings } from "./chain/services.ts";
import type { Env, Environment } from "./environment/environment.ts";
import type { KeepFiles, KeptFiles } from "./files/kept-files.ts";
import type { Store } from "./journal/store.ts";
import type { OnBudgetOptions, OnOutlierOptions } from "./ledger/alerts.ts";
import type { TagBudget, WindowBudget } from "./ledger/budget.ts";
import type { Budgets } from "./ledger/budget-state.ts";
import type { CostReports } from "./ledger/cost-reports.ts";
import type { Estimate, EstimateOptions, UnitsOf } from "./ledger/estimate.ts";
import type { Invoice, InvoiceQuery } from "./ledger/invoice.ts";
import type { Markup } from "./ledger/markup.ts";
import type { ReconcileOptions, Reconciliation } from "./ledger/reconciliation.ts";
import type { Balance } from "./platform/account.ts";
import type { BillingEvents } from "./platform/billing.ts";
import type { Price } from "./platform/prices.ts";
import type { AnyEndpoint, DefineEndpoint, EndpointId } from "./queue/endpoint.ts";
import type { RealtimeClient } from "./realtime/realtime.ts";
import type { WebSocketClass } from "./realtime/socket.ts";
import type { StorageClient } from "./storage/storage.ts";
import type { Rescued } from "./store/rescue-file.ts";
import type { Logger } from "./telemetry/logger.ts";
import type { ProxyUrlConfig, RequestMiddleware } from "./transport/middleware.ts";
import type { ResponseHandler } from "./transport/response-handler.ts";
import type { RetryOptions } from "./transport/retry.ts";

export interface FalOptions {
  /** Where the platform's variables are read, at the first call. @default process.env */
  readonly env?: Env;
  /** `key_id:key_secret`, or a function that gives it for each request. Wins over `FAL_KEY`. Goes to fal only, never to a proxy. */
  readonly credentials?: string | (() => string | undefined) | undefined;
  /** Does not warn of a key that is used in a page, where anybody can read it. @default false */
  readonly suppressLocalCredentialsWarning?: boolean;
  /**
   * Your own server that has the key, such as one of `fal-chain/proxy`: requests go there with the address that they are meant
   * for in `x-fal-target-url`, and without a key. In pages and their workers only, unless `when` says otherwise. Files go
   * straight to where fal wants them.
   */
  readonly proxyUrl?: string | ProxyUrlConfig;
  /**
   * Asked how each request is to leave, each time that it is sent: gives it another address or other headers. The key goes
   * along only where the address is fal's. What it throws is an error at once, and nothing is sent. Files go without it.
   */
  readonly requestMiddleware?: RequestMiddleware;
  /** Told of each answer, of its own copy. What it gives is not used, and what it throws is a warning. */
  readonly responseHandler?: ResponseHandler<unknown>;
  /**
   * Called as the official client calls it, with an address and plain settings. What it throws by itself is an error at once,
   * and not repeated.
   *
   * @default the global fetch
   */
  readonly fetch?: typeof fetch;
  readonly retry?: RetryOptions;
  /** The largest answer that is read, in bytes; a call whose result is larger can be collected with more. @default 64 MiB */
  readonly maxReplyBytes?: number;
  /**
   * Where calls are noted before they are paid for. Whoever passes one closes it;
   * a text names one, as `FAL_CHAIN_STORE` does, which `close` closes.
   *
   * @default what `FAL_CHAIN_STORE` names (`sqlite:calls.db`, `postgres://…`, `memory`), else memory
   */
  readonly store?: Store | string;
  /**
   * Where it is written down what a durable store could not take once a call was paid.
   *
   * @default `FAL_CHAIN_RESCUE`, else beside a SQLite file, else `~/.local/share/fal-chain/rescue.jsonl`
   */
  readonly rescueFile?: string;
  /** What to do about a submit that may or may not have been accepted. @default "look-up" */
  readonly ambiguousSubmit?: AmbiguousSubmitPolicy;
  /**
   * Whether calls may be given the results of equal ones that the store has paid for already. A chain and a call may say more,
   * or `false`.
   *
   * @default every call is paid for
   */
  readonly reuse?: Reuse | false;
  /**
   * What is added to what calls cost to make their prices for whoever they are made for: see `invoice`. Noted with each call
   * when it is made. @default none
   */
  readonly markup?: Markup;
  /** Makes a call outside a run an error. @default false */
  readonly requireRun?: boolean;
  /** Lets the key go over plain http to a host that is not loopback. @default false */
  readonly allowHttp?: boolean;
  /**
   * Told of what calls and runs do, in lines that are bound to app, job, request, chain, run and call, without keys,
   * secrets and payloads. What went wrong beside a call without failing it is a warning. pino fits.
   *
   * @default JSON lines on stderr from the level on that `FAL_CHAIN_LOG` names (`debug`, `info`, `warn`, `error`,
   * `silent`); without it warnings alone, by `process.emitWarning`
   */
  readonly logger?: Logger;
  /** Has inputs, outputs and the models' log lines in the log too, at level debug. @default false */
  readonly logPayloads?: boolean;
  /**
   * Has fal report the end of each call to this address instead of being watched, so that waiting holds no connection:
   * for very many calls at once. `fal.webhooks.handle` must answer there.
   */
  readonly webhooks?: WebhookSettings;
  /**
   * A directory to which the media that calls give are copied, since fal keeps them for a limited time; in an app, one on
   * its volume. Results keep their URLs, and never wait for the copies. `close` leaves those under way ten seconds.
   *
   * @default none; where a text names the directory, a file is copied up to 1 GiB and for ten minutes
   */
  readonly keepFiles?: string | KeepFiles;
  /**
   * How many calls may be under way at once with this key, counted in the store and so over all processes that share
   * it. The others wait before they are submitted. Not with `webhooks`. @default no limit
   */
  readonly maxInFlight?: number;
  /**
   * Further accounts that are ours, besides `FAL_USER_NICKNAME`: their nicknames, and the user ids by which fal names them
   * to an app that they call. Their apps are told what they are called for, and believed when they say so.
   */
  readonly ownAccounts?: readonly string[];
  /**
   * Whether an incoming request's `x-fal-request-id` can be believed, since a gateway sets it whatever its caller sends.
   * `handle` then answers a request that comes again with what it has paid for. Where nothing sets it, strangers would get
   * each other's answers. @default true in a runner (`FAL_JOB_ID` is set), else false
   */
  readonly trustRequestId?: boolean;
  /**
   * How many units calls of an endpoint are billed, where you know better than an estimate: a number, or a function of the input.
   *
   * @example createFal({ units: { "acme/film": ({ seconds }) => seconds * 2 } })
   */
  readonly units?: Readonly<Record<string, UnitsOf>>;
  /** What all calls of the client may cost; clients of one app that share a store share it. @default no limit */
  readonly budget?: WindowBudget;
  /** What the calls with a tag may cost, each value by itself: `{ tag: "customer", usd: 5, per: "day" }`. */
  readonly budgets?: readonly TagBudget[];
  /** How long a run stays with a process that gives no sign of life. */
  readonly lease?: Partial<LeaseSettings>;
  /** Makes the connections of `realtime`. @default the runtime's WebSocket */
  readonly webSocket?: WebSocketClass;
  /** Time as a parameter, for tests. */
  readonly clock?: Clock;
  /** Chance as a parameter, for tests: at least 0, less than 1. */
  readonly random?: () => number;
}

export interface WebhookSettings {
  /** Where fal can reach this program, such as `https://app.example.com/fal`. */
  readonly url: string;
  /**
   * Signs the addresses that are given to fal. Processes that share a store must agree on it, and hooks of calls under
   * way are refused when it changes. @default made from the key
   */
  readonly secret?: string;
  /** The longest hook that is read, in bytes; the result of a longer one is fetched instead. @default 33554432, 32 MiB */
  readonly maxBytes?: number;
  /** How long a hook may stay away before its call is looked for, in milliseconds. @default 120000 */
  readonly sweepMs?: number;
}

/** A client of fal. Nothing is read from the environment before the first call. */
export interface Fal {
  /** Starts a call: await it for its result, loop over it for its events. */
  readonly subscribe: Calls["subscribe"];
  /** Calls an endpoint without the queue; within a run, through it. */
  readonly run: RunDirectly;
  /** Calls an endpoint that gives its result piece by piece. */
  readonly stream: OpenStream;
  readonly streaming: { readonly stream: OpenStream };
  /** Connections to apps that take inputs one by one. */
  readonly realtime: RealtimeClient;
  /** The queue, request by request. */
  readonly queue: QueueClient;
  /** The calls that are in the store: to be read, picked up, settled. */
  readonly calls: RecordedCalls & {
    /**
     * Reads a rescue file back into the store: what a store could not take once a call was paid. Doing so twice changes
     * nothing; lines that the store still does not take stay in the file.
     *
     * @param file @default the one that this client writes
     */
    rescue(file?: string): Promise<Rescued>;
  };
  /** Names an async function whose calls are durable, as far as the store is. */
  readonly chain: DefineChain;
  readonly step: Tools["step"];
  readonly map: Tools["map"];
  readonly branch: Tools["branch"];
  readonly fallback: Tools["fallback"];
  /** The runs that the store knows. */
  readonly runs: Runs;
  /** The media that calls gave, wherever they are now. */
  readonly files: Pick<KeptFiles, "path" | "read">;
  readonly webhooks: {
    /**
     * Answers a webhook of fal's for a call of this client, or of one that shares its store: with a 2xx once what it
     * says is kept, and with what is wrong with it otherwise. For any server that has web-standard requests.
     */
    handle(request: Request): Promise<Response>;
  };
  /** Describes an endpoint by its input and output schemas. */
  readonly endpoint: DefineEndpoint;
  /**
   * Every call that `fn` makes carries these tags, whichever client makes it; a generator that `fn` gives is a part of it.
   *
   * @throws {InvalidArgumentError} for a tag that fal would drop.
   */
  withTags<R>(tags: UserTags, fn: () => R): R;
  /**
   * Every call that `fn` makes is attributed to this incoming request; and to the run that it is a part of, where it comes
   * from an app of our own. In a runner, calls to apps of our own also pass on its `x-fal-cdn-token` and
   * `x-app-fal-can-disable-filter`.
   *
   * @throws {EnvironmentError} where a variable that says who we are is unusable.
   */
  withRequest<R>(request: IncomingRequest, fn: () => R): R;
  /**
   * Gives a function that belongs to the run, the request and the tags that are here now, wherever it is called. For what
   * is called from elsewhere: listeners of events, sources of streams, tasks of a pool that others share. Where the runtime
   * has no AsyncLocalStorage it belongs to them until its first `await`.
   */
  bind<F extends (...args: never[]) => unknown>(fn: F): F;
  /**
   * The headers to put on the answer to the incoming request: an `x-fal-cdn-token` that an app of our own has issued anew
   * since. Ask for them last, within `withRequest` or `handle`.
   */
  replyHeaders(): Record<string, string>;
  /**
   * Answers an incoming request as a run of its own. In a runner, and with `trustRequestId`, the run is named by the app
   * and fal's id of the request: when fal sends the request again, `fn` is executed again, and what it had paid for is not
   * paid again. Elsewhere anybody may send that header, so it is a tag only, and the run has an id that no other request
   * has. What the store keeps are its calls and steps; what `fn` gives is handed over as it is. A stream
   * that it gives, in a Response too, is a part of the run: it ends with that, and is cancelled when the reader leaves.
   */
  handle<R>(
    request: IncomingRequest,
    fn: (run: RunScope) => R | PromiseLike<R>,
    options?: HandleOptions,
  ): Promise<R>;
  /**
   * What the calls in the store cost: per endpoint, or by what `by` names. A call's cost is known a while after its end.
   * Nothing is sent for it, except for prices that calls lack, for which it waits a second at most, and with `runners: true`.
   *
   * @throws {InvalidArgumentError} for a key or a time that there is not. @throws {AdminKeyRequiredError} with `runners`, where
   * the key has not got the ADMIN scope.
   */
  readonly costs: CostReports;
  /**
   * What somebody is to pay for the results that were delivered: what they cost with the markup that each was made with, by
   * endpoint. Nothing is sent for it. What failed, what was not used, and what was given again for nothing costs them nothing.
   *
   * @example const { lines, totalCents } = await fal.invoice({ tags: { customer: "acme" }, since: "2026-10", until: "2026-11" });
   * @throws {InvalidArgumentError} for a period or tags that cannot be meant.
   */
  invoice(query: InvoiceQuery): Promise<Invoice>;
  /** What budgets have left: `fal.budgets({ tags })`, and `fal.budgets.check(…)` before anything is started. */
  readonly budgets: Budgets;
  /**
   * Tells when a budget's window has used a part of its limit: each part of each window once, by whichever of the processes that
   * share the store comes upon it first. What is used is charged or reserved, looked at whenever a call of this client ends.
   *
   * @returns what ends it.
   * @example fal.onBudget({ at: [0.5, 0.9], tell: ({ message }) => console.log(message) });
   */
  onBudget(options: OnBudgetOptions): () => void;
  /**
   * Tells of a call that cost ten times (`times`) what calls with such inputs usually do, and of a run that cost ten times what
   * runs of its chain do, once five others are known.
   *
   * @returns what ends it.
   * @example fal.onOutlier({ webhook: "https://example.com/alerts" });
   */
  onOutlier(options?: OnOutlierOptions): () => void;
  /** Uploads files, for inputs that take a URL. A Blob in a call's input is uploaded by itself. */
  readonly storage: StorageClient;
  /** What the platform asks for one unit of an endpoint; undefined where it does not say. Kept for an hour. */
  price(endpoint: string): Promise<Price | undefined>;
  /**
   * What a call is likely to cost, without making it, in nano-USD: what such calls have cost in this ledger, else what fal says
   * that they cost, else the price of units that the input determines. `unknown` where none of it can be had.
   *
   * @param target An endpoint, or its id. @param input As the call would have it.
   * @throws {InvalidArgumentError} for `units` that are no number from 0 up. @throws {ApiError} where the platform cannot be asked
   * and nothing else is known.
   * @example
   * const { source, low, likely, high, count, why } = await fal.estimate("fal-ai/flux/schnell", { prompt: "a fox" });
   */
  estimate(target: EndpointId | AnyEndpoint, input?: unknown, options?: EstimateOptions): Promise<Estimate>;
  /**
   * What the account has left to spend. fal tells one amount: credit that was bought and credit that was given are not told
   * apart.
   *
   * @throws {AdminKeyRequiredError} where the key has not got the ADMIN scope.
   */
  balance(): Promise<Balance>;
  /**
   * The account's bill, request by request. An event may be late by hours.
   *
   * @throws {AdminKeyRequiredError} from the loop, where the key has not got the ADMIN scope.
   */
  readonly billingEvents: BillingEvents;
  /**
   * Notes in the ledger what fal's bill says of its calls, and tells where the two differ: what is late or missing on
   * the bill, what costs something else than was measured, and what was billed that the ledger has never seen.
   *
   * @throws {AdminKeyRequiredError} where the key has not got the ADMIN scope.
   */
  reconcile(options?: ReconcileOptions): Promise<Reconciliation>;
  /** What this client reads from its environment, each part when it is asked for. */
  readonly environment: Environment;
  /** Whether what it notes outlives this process: its store is a file or a database. @throws {StoreError} where none can be meant. */
  readonly isDurable: boolean;
  /** Merges further options into this client's; calls made before keep theirs. */
  config(options: FalOptions): void;
  /**
   * Lets go of the runs that are under way here, so that another process goes on with them, and waits for what calls that
   * are over have left to do, such as cancelling upstream. Then closes the store, if this client opened it; a later
   * call opens it again.
   */
  close(): Promise<void>;
}
