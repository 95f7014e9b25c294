import {
  aClock,
  callback,
  checkOptions,
  count,
  either,
  flag,
  having,
  limit,
  list,
  milliseconds,
  nested,
  number,
  type OptionsOf,
  oneOf,
  record,
  type Takes,
  text,
} from "./base/options.ts";
import { AMBIGUOUS_SUBMIT_POLICIES, REUSE, UNITS } from "./calls/options.ts";
import type { LeaseSettings } from "./chain/services.ts";
import type { FalOptions, WebhookSettings } from "./fal.ts";
import type { KeepFiles } from "./files/kept-files.ts";
import { isMarkupOption, MARKUP_TAKES } from "./ledger/markup.ts";
import type { ProxyUrlConfig } from "./transport/middleware.ts";
import type { RetryOptions, RetryPolicy } from "./transport/retry.ts";

const STATUSES: Takes = {
  what: "an array of HTTP statuses, such as [429, 503]",
  is: (value) =>
    Array.isArray(value) &&
    value.every((status) => Number.isInteger(status) && status >= 100 && status < 600),
};

const POLICY: OptionsOf<RetryPolicy> = {
  maxRetries: count(0),
  baseDelay: milliseconds(0),
  maxDelay: milliseconds(0),
  backoffMultiplier: number(1),
  enableJitter: flag,
  maxElapsed: limit(0, "milliseconds"),
  retryableStatusCodes: STATUSES,
};

const RETRY: OptionsOf<RetryOptions> = {
  ...POLICY,
  submit: nested(POLICY, "retry.submit"),
  read: nested(POLICY, "retry.read"),
};

const WEBHOOKS: OptionsOf<WebhookSettings> = {
  url: { what: "an http(s) URL", is: (value) => typeof value === "string" && /^https?:\/\/./.test(value) },
  secret: text,
  maxBytes: count(1),
  sweepMs: milliseconds(100),
};

const KEEP_FILES: OptionsOf<KeepFiles> = { directory: text, maxBytes: limit(1), timeout: milliseconds(1) };

const LEASE: OptionsOf<LeaseSettings> = { leaseMs: milliseconds(100), sendWindowMs: milliseconds(1) };

/** None where it is empty, as the official client has it. */
const PROXY_ADDRESS: Takes = {
  what: "the address of a proxy, such as /api/fal/proxy or https://example.com/fal",
  is: (value) =>
    typeof value === "string" && /^https?:$/.test(URL.parse(value, "https://page.example")?.protocol ?? ""),
};

const PROXY_URL: OptionsOf<ProxyUrlConfig> = {
  url: PROXY_ADDRESS,
  when: either(oneOf(["browser", "always"]), callback),
};

const UNITS_BY_ENDPOINT: Takes = {
  what: "units by endpoint, each a number from 0 up or a function of the input that gives one",
  is: (value) => record.is(value) && Object.values(value as object).every(UNITS.is),
};

/** A budget's own amounts are checked with the budget. */
const CLIENT: OptionsOf<FalOptions> = {
  env: record,
  credentials: either({ what: "a key", is: (value) => typeof value === "string" }, callback),
  fetch: callback,
  proxyUrl: either(PROXY_ADDRESS, nested(PROXY_URL, "proxyUrl")),
  requestMiddleware: callback,
  responseHandler: callback,
  retry: nested(RETRY, "retry"),
  maxReplyBytes: limit(1, "bytes"),
  store: either({ ...text, what: "the name of a store" }, having("a store", "spend", "close")),
  rescueFile: text,
  ambiguousSubmit: oneOf(AMBIGUOUS_SUBMIT_POLICIES),
  reuse: REUSE,
  markup: { what: MARKUP_TAKES, is: isMarkupOption },
  requireRun: flag,
  allowHttp: flag,
  logger: having("an object with a function warn", "warn"),
  logPayloads: flag,
  webhooks: nested(WEBHOOKS, "webhooks"),
  keepFiles: either(text, nested(KEEP_FILES, "keepFiles")),
  maxInFlight: limit(1),
  ownAccounts: list,
  trustRequestId: flag,
  units: UNITS_BY_ENDPOINT,
  budget: record,
  budgets: list,
  lease: nested(LEASE, "lease"),
  webSocket: callback,
  clock: aClock,
  random: callback,
  suppressLocalCredentialsWarning: flag,
};

/** @throws {InvalidArgumentError} naming the option that cannot be meant. */
export const checkClientOptions = (given: FalOptions): void =>
  checkOptions(given, CLIENT, { of: "the client" });
