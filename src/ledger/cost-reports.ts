import type { Correction } from "../journal/months.ts";
import type { ClosedMonthCosts } from "./closing.ts";
import type { CostQuery, CostSources, Costs } from "./costs.ts";
import type { Forecast, ForecastQuery } from "./forecast.ts";
import type { ChainRunCosts, RunCostsQuery } from "./run-costs.ts";

/** What calls cost, and what is done with that. */
export interface CostReports {
  (query?: CostQuery): Promise<Costs>;
  /**
   * Closes a month of UTC's, as fal's own months are: what its calls are said to cost from then on is a correction in the month
   * that it comes in. Closing it again changes nothing, whichever process does.
   *
   * @example const { sum } = await fal.costs.close("2026-10");
   * @throws {InvalidArgumentError} for what is no month, or one that is not over.
   */
  close(month: string): Promise<ClosedMonthCosts>;
  /** The months that are closed, the earliest first, and what has been corrected of each since. */
  closed(): Promise<readonly ClosedMonthCosts[]>;
  /** What has been said since of the costs of calls whose month was closed, call by call, the earliest first. */
  corrections(): Promise<readonly Correction[]>;
  /**
   * What the month that goes on will have cost, by customer and endpoint, and how far that may be off.
   *
   * @example const { total } = await fal.costs.forecast({ by: ["endpoint"] });
   */
  forecast(query?: ForecastQuery): Promise<Forecast>;
  /**
   * The cheapest and the dearest runs of a chain, and which of their steps make them so.
   *
   * @example const { dearest } = await fal.costs.runs("poster", { since: "30d" });
   */
  runs(chain: string, query?: RunCostsQuery): Promise<ChainRunCosts>;
}

/** What they are made of loads with the first of them. @param named The query with names as they are kept. */
export function createCosts(
  sources: () => CostSources,
  named: (query: CostQuery) => Promise<CostQuery>,
): CostReports {
  const costs = async (query: CostQuery = {}): Promise<Costs> => {
    const from = sources();
    const { costsIn } = await import("./costs.ts");
    return costsIn(from, await named(query));
  };
  return Object.assign(costs, {
    async close(month: string) {
      const { store, clock } = sources();
      return (await import("./closing.ts")).closeMonth(store, clock, month);
    },
    async closed() {
      const { store } = sources();
      return (await import("./closing.ts")).closedMonths(store);
    },
    corrections: async () => sources().store.months.corrections(),
    async forecast(query?: ForecastQuery) {
      const now = sources().clock.now();
      return (await import("./forecast.ts")).forecastOf(costs, now, query);
    },
    runs: async (chain: string, query?: RunCostsQuery) =>
      (await import("./run-costs.ts")).runCostsOf(costs, chain, query),
  });
}
