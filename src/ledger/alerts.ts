import { type Background, inBackground } from "../base/background.ts";
import type { Clock } from "../base/clock.ts";
import { callback, checkOptions, number, type OptionsOf, type Takes, webAddress } from "../base/options.ts";
import type { Report } from "../base/report.ts";

/** A budget's window has used a part of its limit. Amounts are in nano-USD. */
export interface BudgetAlert {
  readonly type: "budget";
  /** As a BudgetExceededError names it: `client`, `tag:customer=acme`, `run:poster/order-1042`. */
  readonly budget: string;
  /** The part that was asked about, such as 0.9. */
  readonly at: number;
  /** When the window began, in milliseconds since the epoch; 0 where there is only one. */
  readonly window: number;
  readonly limitNanoUsd: number;
  readonly chargedNanoUsd: number;
  /** Set aside for calls under way, in doubt, or of unknown cost: it counts as used. */
  readonly reservedNanoUsd: number;
  /** All of it in one sentence, for people. */
  readonly message: string;
}

/** A call or a run that cost many times what others of its kind did. Amounts are in nano-USD. */
export interface OutlierAlert {
  readonly type: "outlier";
  /** The call; undefined where it is a run. */
  readonly callId: string | undefined;
  /** The run, `chain/id`; undefined where it is a call. */
  readonly run: string | undefined;
  /** What was called, or the chain. */
  readonly of: string;
  readonly nanoUsd: number;
  /** The median of the others, in proportion to what a call asks for. */
  readonly usualNanoUsd: number;
  /** How many others there are. */
  readonly count: number;
  /** All of it in one sentence, for people. */
  readonly message: string;
}

/** Whom an alert goes to. With neither it is a warning in the client's log. */
export interface Recipient<A> {
  /** Called with each. What it throws is logged, and fails no call. */
  readonly tell?: (alert: A) => void | Promise<void>;
  /** An address of yours that each is POSTed to as JSON; tried three times. */
  readonly webhook?: string;
}

export interface OnBudgetOptions extends Recipient<BudgetAlert> {
  /** Parts of a limit, above 0: `[0.5, 0.9]`. */
  readonly at: readonly number[];
}

export interface OnOutlierOptions extends Recipient<OutlierAlert> {
  /** How many times what is usual, more than 1. @default 10 */
  readonly times?: number;
}

export type Listener = BudgetListener | OutlierListener;
export interface BudgetListener extends OnBudgetOptions {
  readonly type: "budget";
}
export interface OutlierListener extends OnOutlierOptions {
  readonly type: "outlier";
  readonly times: number;
}

/** Who listens, and how they are told. One for each client. */
export interface Alerts {
  readonly listeners: ReadonlySet<Listener>;
  /** @returns what ends it. @throws {InvalidArgumentError} */
  onBudget(options: OnBudgetOptions): () => void;
  /** @returns what ends it. @throws {InvalidArgumentError} */
  onOutlier(options?: OnOutlierOptions): () => void;
  send<A extends BudgetAlert | OutlierAlert>(alert: A, to: readonly Recipient<A>[]): void;
}

export interface AlertServices {
  readonly report: Report;
  readonly clock: Clock;
  readonly background: Background;
  readonly fetch: typeof globalThis.fetch;
}

const PARTS: Takes = {
  what: "parts of a budget, such as [0.5, 0.9]",
  is: (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((part) => typeof part === "number" && part > 0 && Number.isFinite(part)),
};
const RECIPIENT = { tell: callback, webhook: webAddress };
const BUDGET: OptionsOf<OnBudgetOptions> = { at: PARTS, ...RECIPIENT };
const OUTLIER: OptionsOf<OnOutlierOptions> = { times: number(1), ...RECIPIENT };

/** @param services Asked when they are needed: a client's settings may change. */
export function createAlerts(services: () => AlertServices): Alerts {
  const listeners = new Set<Listener>();
  const listen = (listener: Listener) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  return {
    listeners,
    onBudget(options) {
      checkOptions(options, BUDGET, { of: "onBudget" });
      return listen({ ...options, type: "budget" });
    },
    onOutlier(options = {}) {
      checkOptions(options, OUTLIER, { of: "onOutlier" });
      return listen({ ...options, times: options.times ?? 10, type: "outlier" });
    },
    send(alert, to) {
      for (const recipient of to)
        void inBackground(services().background, deliver(services(), alert, recipient));
    },
  };
}

async function deliver<A extends BudgetAlert | OutlierAlert>(
  { report, clock, fetch }: AlertServices,
  alert: A,
  { tell, webhook }: Recipient<A>,
): Promise<void> {
  if (!tell && webhook === undefined) return report(alert.message, undefined);
  try {
    await tell?.(alert);
  } catch (error) {
    report(`Who is told of alerts has failed with: ${alert.message}`, error);
  }
  if (webhook === undefined) return;
  await post({ clock, fetch }, webhook, alert).catch((error: unknown) =>
    report(`An alert could not be sent to ${new URL(webhook).origin}: ${alert.message}`, error),
  );
}

/** Before each try, in milliseconds. */
const PAUSES_MS = [0, 1_000, 5_000];
const PATIENCE_MS = 10_000;

async function post(
  { clock, fetch }: Pick<AlertServices, "clock" | "fetch">,
  webhook: string,
  alert: object,
): Promise<void> {
  let problem: unknown;
  for (const pause of PAUSES_MS) {
    if (pause > 0) await clock.sleep(pause);
    try {
      const { ok, status } = await fetch(webhook, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(alert),
        redirect: "error",
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      if (ok) return;
      problem = new Error(`it answered ${status}`);
    } catch (error) {
      problem = error;
    }
  }
  throw problem;
}
