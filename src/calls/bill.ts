import { inBackground } from "../base/background.ts";
import { OVER } from "../base/signal.ts";
import { ApiError } from "../errors/api.ts";
import { FalError } from "../errors/fal-error.ts";
import { CallAbortedError, CallTimeoutError } from "../errors/giving-up.ts";
import type { Outcome } from "../journal/call.ts";
import { savedData } from "../journal/saved-data.ts";
import { billableUnits, type Cost, measuredCost } from "../money/cost.ts";
import type { Services } from "./services.ts";

/** A call that is over, as far as its bill is concerned. */
export interface Billed {
  readonly endpoint: string;
  /** What it is noted under; undefined where it is not in the store. */
  readonly notedAs: string | undefined;
}

/** What a completed call cost, once its price is there; noted in the store. A result never waits for it. */
export const billResult = (
  services: Services,
  call: Billed,
  units: number | undefined,
): Promise<Cost | undefined> => charging(services, call, () => priced(services, call, units));

/**
 * Notes a result, together with what it cost where that is known at once. Where it is not, it is billed later.
 *
 * @returns what it cost, once that is known.
 */
export async function noteCompleted(
  services: Services,
  call: Billed,
  outcome: Outcome,
): Promise<{ readonly cost: Promise<Cost | undefined> }> {
  const known = costAtOnce(services, call, outcome.units);
  const { notedAs } = call;
  if (known?.source === "measured") priceOthers(services, call.endpoint);
  if (notedAs !== undefined)
    await services.store.calls.completed(
      notedAs,
      { ...outcome, data: savedData(outcome.data), cost: known },
      services.clock.now(),
    );
  return { cost: known ? Promise.resolve(known) : billResult(services, call, outcome.units) };
}

function costAtOnce({ price }: Services, { endpoint }: Billed, units: number | undefined): Cost | undefined {
  const known = units === undefined ? undefined : price.known(endpoint);
  return units === undefined || known ? measuredCost(units, known) : undefined;
}

/** How a call ended without a result. */
export interface Failed {
  readonly error: unknown;
  /** Nobody waits for it here any more, which is no failure yet. */
  readonly isLeft: boolean;
  /** What became of its submit; undefined where nothing was accepted. */
  readonly sent: () => Promise<"accepted" | "in-doubt" | undefined>;
}

/**
 * What is known of a failed call's cost: nothing is paid for what fal refused or cancelled in time, a failure may be billed
 * with units, the rest may be billed.
 */
export const billFailure = (
  services: Services,
  call: Billed,
  { error, isLeft, sent }: Failed,
): Promise<Cost | undefined> =>
  charging(services, call, async () => {
    const isGivenUp = error instanceof CallAbortedError || error instanceof CallTimeoutError;
    // What the request made of giving it up is known once its cancel is answered.
    if (isGivenUp && (await error.cancel) === "in-time") return NOTHING;
    if ((isGivenUp || isLeft) && (await sent()) === undefined) return NOTHING;
    const units = error instanceof ApiError ? billableUnits(error.headers) : undefined;
    if (units && error instanceof ApiError && error.status < 500) return priced(services, call, units);
    if (isFree(error)) return undefined;
    return units ? { ...MAY_BE_BILLED, units } : MAY_BE_BILLED;
  });

/** A call that cost nothing, as one that was cancelled before it began. */
export const billNothing = (services: Services, call: Billed): Promise<Cost | undefined> =>
  charging(services, call, async () => NOTHING);

/** The price was asked for when the call was sent. What is not there soon after its end must not keep a program alive. */
const PATIENCE_MS = 1_000;

async function priced(services: Services, { endpoint }: Billed, units: number | undefined): Promise<Cost> {
  const { price, clock } = services;
  if (units === undefined) return measuredCost(units, undefined);
  const late = new AbortController();
  clock.sleep(PATIENCE_MS, late.signal).then(
    () => late.abort(OVER),
    () => {},
  );
  const found = await price(endpoint, late.signal).catch(() => undefined);
  late.abort(OVER);
  if (found) priceOthers(services, endpoint);
  return measuredCost(units, found);
}

/** Calls that ended while no price could be had cost what the endpoint costs now that one is there. */
function priceOthers(services: Services, endpoint: string): void {
  const { store, clock, report, background, price, unpriced } = services;
  const known = price.known(endpoint);
  if (!known) return;
  for (const { id, units } of unpriced.take(endpoint)) {
    const noting = store.calls
      .charged(id, measuredCost(units, known), clock.now())
      .catch((error: unknown) =>
        report(`What call ${id} cost could not be noted`, error, { call: id, endpoint }),
      );
    void inBackground(background, noting);
  }
}

/** Known, so that what was reserved for it is free again. */
export const NOTHING = { source: "measured", nanoUsd: 0, units: 0 } as const;
const MAY_BE_BILLED = { source: "unknown", reason: "failed" } as const;

const isFree = (error: unknown): boolean => error instanceof FalError && error.billed === false;

function charging(
  { store, clock, report, background, unpriced }: Services,
  { notedAs, endpoint }: Billed,
  find: () => Promise<Cost | undefined>,
): Promise<Cost | undefined> {
  const charge = async () => {
    try {
      const cost = await find();
      if (cost && notedAs !== undefined) {
        await store.calls.charged(notedAs, cost, clock.now());
        if (cost.source === "unknown" && cost.reason === "no_price" && cost.units !== undefined)
          unpriced.add(endpoint, { id: notedAs, units: cost.units });
      }
      return cost;
    } catch (error) {
      report(`What call ${notedAs} cost could not be noted`, error, { call: notedAs, endpoint });
      return undefined;
    }
  };
  return inBackground(background, charge());
}
