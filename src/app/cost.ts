import { systemClock } from "../base/clock.ts";
import type { Fal, RunScope } from "../index.ts";
import type { CostSum } from "../ledger/sum.ts";

/** Prices are read once an hour: most are there at once. */
const PAUSES_MS = [0, 10, 50, 200, 500, 1_000, 1_500, 1_740] as const;

/**
 * What the calls of a request have cost so far. A result does not wait for its price, and this does, as long as it takes
 * to read one.
 */
export async function costOf(fal: Fal, run: RunScope | undefined, requestId: string): Promise<CostSum> {
  // What was started within the request's run is of it, too. Where fal's id names the run, all is found by that; elsewhere
  // that run is the outermost one.
  const whose = run && run.id !== requestId ? { rootRun: `${run.chain}/${run.id}` } : { request: requestId };
  let total = await sumOf(fal, whose);
  for (const pause of PAUSES_MS) {
    if (!total.unknownBecause.pending) break;
    await systemClock.sleep(pause);
    total = await sumOf(fal, whose);
  }
  return total;
}

const sumOf = async (fal: Fal, whose: Parameters<Fal["costs"]>[0]): Promise<CostSum> =>
  (await fal.costs({ ...whose, by: [] })).total;
