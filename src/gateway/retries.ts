/** Under which the queue sends a request again, by fal's names. */
export type RetryCondition = "server_error" | "timeout" | "connection_error";

export const RETRY_CONDITIONS: readonly RetryCondition[] = ["server_error", "timeout", "connection_error"];

/** How one attempt at a request ended: with an answer's status, or without an answer. */
export type Ending = number | Breakage;
export type Breakage = "refused" | "disconnected" | "incomplete" | "headers-too-long" | "timed-out";

/** What becomes of the runner: it goes on, it goes on if its port can be reached, or it is ended. */
export type RunnerEffect = "keep" | "check" | "stop";

export interface RetryRow {
  /** A status, a class of them, or a breakage. */
  readonly ending: number | "2xx" | "3xx" | "4xx" | "5xx" | Breakage;
  readonly runner: RunnerEffect;
  /** Why the queue sends the request again; absent where it does not. */
  readonly retriedAs?: RetryCondition;
}

/**
 * What each end of an attempt does to the runner and to the request:
 * https://fal.ai/docs/documentation/serverless/reliability/retries.md. Not told there: 5xx other than these four are
 * taken for 500, headers of more than 16 KB "fail the response", and a connection that is refused for one that closed.
 */
export const RETRY_TABLE: readonly RetryRow[] = [
  { ending: "2xx", runner: "keep" },
  { ending: "3xx", runner: "keep" },
  { ending: "4xx", runner: "keep" },
  { ending: 503, runner: "stop", retriedAs: "server_error" },
  { ending: 504, runner: "check", retriedAs: "server_error" },
  { ending: "5xx", runner: "check" },
  { ending: "disconnected", runner: "stop", retriedAs: "server_error" },
  { ending: "incomplete", runner: "stop", retriedAs: "server_error" },
  { ending: "refused", runner: "stop", retriedAs: "connection_error" },
  { ending: "timed-out", runner: "stop", retriedAs: "timeout" },
  { ending: "headers-too-long", runner: "keep" },
];

/** The first attempt is one of them. */
export const MOST_ATTEMPTS = 10;

/** How often a request is sent again, by condition. */
export type RetryBudgets = { readonly [C in RetryCondition]?: number };

/** What the app says of its retries; its table in `pyproject.toml` has the same names. */
export interface AppRetries {
  readonly retryConfig?: { readonly [C in RetryCondition]?: { readonly retries: number } };
  readonly skipRetryConditions?: readonly RetryCondition[];
}

/** What holds for one request. */
export interface RequestRetries {
  /** Only the queue sends anything again. */
  readonly queued: boolean;
  readonly noRetry: boolean;
  readonly budgets: Required<RetryBudgets>;
}

/** The request's header, which counts for the app's owner only, comes before the app's settings, these before fal's. */
export function retriesOf(
  headers: Readonly<Record<string, string>>,
  app: AppRetries,
  { queued, byOwner }: { readonly queued: boolean; readonly byOwner: boolean },
): RequestRetries {
  const own = byOwner ? budgetsIn(headers["x-fal-retry-config"]) : {};
  const budgetOf = (condition: RetryCondition): number => {
    if (own[condition] !== undefined) return own[condition];
    if (app.skipRetryConditions?.includes(condition)) return 0;
    return app.retryConfig?.[condition]?.retries ?? MOST_ATTEMPTS - 1;
  };
  return {
    queued,
    noRetry: /^(1|true|yes)$/i.test(headers["x-fal-no-retry"] ?? ""),
    budgets: {
      server_error: budgetOf("server_error"),
      timeout: budgetOf("timeout"),
      connection_error: budgetOf("connection_error"),
    },
  };
}

/** What is no JSON, no such condition or no `{ "retries": N }` is passed over in silence, as fal does. */
function budgetsIn(header: string | undefined): RetryBudgets {
  let parsed: unknown;
  try {
    parsed = JSON.parse(header ?? "");
  } catch {
    return {};
  }
  const given = (parsed ?? {}) as Partial<Record<RetryCondition, { retries?: unknown }>>;
  return Object.fromEntries(
    RETRY_CONDITIONS.flatMap((condition) => {
      const retries = given[condition]?.retries;
      return Number.isInteger(retries) && Number(retries) >= 0 ? [[condition, Number(retries)]] : [];
    }),
  );
}

/** One attempt that has ended. */
export interface Attempt {
  readonly ending: Ending;
  /** The answer's headers, where there was one. */
  readonly headers?: Headers;
}

export interface Verdict {
  readonly runner: RunnerEffect;
  /** Why it is sent again: a condition, or the app's own wish. Undefined: this end is the request's. */
  readonly retry: RetryCondition | "asked" | undefined;
}

/**
 * What becomes of runner and request after an attempt.
 *
 * @param before why each earlier attempt was followed by another, oldest first.
 */
export function verdictOf(
  attempt: Attempt,
  before: readonly NonNullable<Verdict["retry"]>[],
  retries: RequestRetries,
): Verdict {
  const { ending, headers } = attempt;
  const row = rowOf(ending);
  const stop = flagIn(headers?.get("x-fal-stop-runner"));
  const runner = stop === undefined ? row.runner : stop ? "stop" : "keep";
  if (!retries.queued || retries.noRetry || before.length + 1 >= MOST_ATTEMPTS) {
    return { runner, retry: undefined };
  }
  const asked = mayAskForRetry(ending) ? flagIn(headers?.get("x-fal-needs-retry")) : undefined;
  if (asked !== undefined) return { runner, retry: asked ? "asked" : undefined };
  const { retriedAs } = row;
  const used = before.filter((reason) => reason === retriedAs).length;
  return { runner, retry: retriedAs && used < retries.budgets[retriedAs] ? retriedAs : undefined };
}

/** Anywhere else fal drops an app's `X-Fal-Needs-Retry` without a word. */
export const mayAskForRetry = (ending: Ending): boolean =>
  typeof ending === "number" && (ending === 429 || (ending >= 500 && ending < 600));

export function rowOf(ending: Ending): RetryRow {
  const ofClass = typeof ending === "number" ? `${Math.floor(ending / 100)}xx` : undefined;
  const row =
    RETRY_TABLE.find((one) => one.ending === ending) ?? RETRY_TABLE.find((one) => one.ending === ofClass);
  // No HTTP server can answer so.
  if (!row) throw new RangeError(`${ending} ends no attempt`);
  return row;
}

function flagIn(value: string | null | undefined): boolean | undefined {
  const text = value?.trim().toLowerCase() ?? "";
  if (["1", "true"].includes(text)) return true;
  return ["0", "false"].includes(text) ? false : undefined;
}

const SOONEST_MS = 1_000;
const LATEST_MS = 30_000;

/** How long a request waits before its next attempt, in milliseconds: fal says that it waits, not how long. */
export const requeueDelayMs = (attempts: number): number =>
  Math.min(LATEST_MS, SOONEST_MS * 2 ** (attempts - 1));
