import { type Background, inBackground } from "../base/background.ts";
import type { Clock } from "../base/clock.ts";
import type { Report } from "../base/report.ts";
import { ApiError } from "../errors/api.ts";
import { FalError } from "../errors/fal-error.ts";
import { CallAbortedError, CallTimeoutError } from "../errors/giving-up.ts";
import type { Outcome } from "../journal/call.ts";
import type { Store } from "../journal/store.ts";
import { measuredCost } from "../ledger/cost.ts";
import { billableUnits } from "../money/billable-units.ts";
import type { Cost, UnitPrice } from "../money/cost.ts";

export interface BillDeps {
  readonly store: Store;
  readonly clock: Clock;
  /** What one unit of an endpoint costs; undefined where the platform does not say. */
  readonly price: {
    (endpoint: string): Promise<UnitPrice | undefined>;
    /** The same, where it was asked for before and is still fresh. */
    known(endpoint: string): UnitPrice | undefined;
  };
  readonly report: Report;
  readonly background: Background;
}

/** A call that is over, as far as its bill is concerned. */
export interface Billed {
  readonly endpoint: string;
  /** What it is noted under; undefined where it is not in the store. */
  readonly noted: string | undefined;
}

/** What a completed call cost, once its price is there; noted in the store. A result never waits for it. */
export const billResult = (
  deps: BillDeps,
  call: Billed,
  units: number | undefined,
): Promise<Cost | undefined> => charging(deps, call, () => priced(deps, call, units));

/**
 * Notes a result, together with what it cost where that is known at once. Where it is not, it is billed later.
 *
 * @returns what it cost, once that is known.
 */
export async function noteCompleted(
  deps: BillDeps,
  call: Billed,
  outcome: Outcome,
): Promise<{ readonly cost: Promise<Cost | undefined> }> {
  const known = costAtOnce(deps, call, outcome.units);
  const { noted } = call;
  if (noted !== undefined)
    await deps.store.calls.completed(noted, { ...outcome, cost: known }, deps.clock.now());
  return { cost: known ? Promise.resolve(known) : billResult(deps, call, outcome.units) };
}

function costAtOnce({ price }: BillDeps, { endpoint }: Billed, units: number | undefined): Cost | undefined {
  const known = units === undefined ? undefined : price.known(endpoint);
  return units === undefined || known ? measuredCost(units, known) : undefined;
}

/** How a call ended without a result. */
export interface Failed {
  readonly error: unknown;
  /** Nobody waits for it here any more, which is no failure yet. */
  readonly left: boolean;
  /** What became of its submit; undefined where nothing was accepted. */
  readonly sent: () => Promise<"accepted" | "in-doubt" | undefined>;
}

/**
 * What is known of a failed call's cost: nothing is paid for what fal refused or cancelled in time, a failure may be billed
 * with units, the rest may be billed.
 */
export const billFailure = (
  deps: BillDeps,
  call: Billed,
  { error, left, sent }: Failed,
): Promise<Cost | undefined> =>
  charging(deps, call, async () => {
    const isGivenUp = error instanceof CallAbortedError || error instanceof CallTimeoutError;
    // What the request made of giving it up is known once its cancel is answered.
    if (isGivenUp && (await error.cancel) === "in-time") return NOTHING;
    if ((isGivenUp || left) && (await sent()) === undefined) return NOTHING;
    const units = error instanceof ApiError ? billableUnits(error.headers) : undefined;
    if (units) return priced(deps, call, units);
    return isFree(error) ? undefined : MAY_BE_BILLED;
  });

/** A call that cost nothing, as one that was cancelled before it began. */
export const billNothing = (deps: BillDeps, call: Billed): Promise<Cost | undefined> =>
  charging(deps, call, async () => NOTHING);

async function priced({ price }: BillDeps, { endpoint }: Billed, units: number | undefined): Promise<Cost> {
  return measuredCost(units, units === undefined ? undefined : await price(endpoint).catch(() => undefined));
}

/** Known, so that what was reserved for it is free again. */
const NOTHING = { source: "measured", nanoUsd: 0, units: 0 } as const;
const MAY_BE_BILLED = { source: "unknown", reason: "failed" } as const;

const isFree = (error: unknown): boolean => error instanceof FalError && error.billed === false;

function charging(
  { store, clock, report, background }: BillDeps,
  { noted, endpoint }: Billed,
  find: () => Promise<Cost | undefined>,
): Promise<Cost | undefined> {
  const charge = async () => {
    try {
      const cost = await find();
      if (cost && noted !== undefined) await store.calls.charged(noted, cost, clock.now());
      return cost;
    } catch (error) {
      report(`What call ${noted} cost could not be noted`, error, { call: noted, endpoint });
      return undefined;
    }
  };
  return inBackground(background, charge());
}
