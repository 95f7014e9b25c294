import { InvalidArgumentError } from "../errors/arguments.ts";
import type { CostQuery, CostRow, Costs } from "./costs.ts";

export interface RunCostsQuery extends Pick<CostQuery, "since" | "until" | "tags"> {
  /** How many runs of each kind. @default 3 */
  readonly limit?: number;
}

/** A part of a run that costs something else than in most runs of its chain. */
export interface RunDifference {
  readonly step: string | undefined;
  readonly endpoint: string | undefined;
  readonly calls: number;
  /** In most runs: the median. */
  readonly usualCalls: number;
  readonly nanoUsd: number;
  readonly usualNanoUsd: number;
  /** What of it failed or was not used. */
  readonly wasteNanoUsd: number;
}

export interface RunCost {
  /** `chain/id` */
  readonly run: string;
  readonly nanoUsd: number;
  readonly calls: number;
  /** Why it is not what most runs cost: the parts that differ most, the largest difference first. */
  readonly because: readonly RunDifference[];
}

/** What the runs of a chain cost. */
export interface ChainRunCosts {
  readonly chain: string;
  /** How many runs it is about. Those with calls of unknown cost are not among them. */
  readonly runs: number;
  /** Runs that have calls of unknown cost. */
  readonly unknown: number;
  /** What half of them cost more than. */
  readonly medianNanoUsd: number;
  readonly cheapest: readonly RunCost[];
  readonly dearest: readonly RunCost[];
}

const MOST_REASONS = 3;

/** @throws {InvalidArgumentError} for what cannot be asked. */
export async function runCostsOf(
  costs: (query: CostQuery) => Promise<Costs>,
  chain: string,
  { limit = 3, ...chosen }: RunCostsQuery = {},
): Promise<ChainRunCosts> {
  if (!(Number.isSafeInteger(limit) && limit > 0))
    throw new InvalidArgumentError(`limit is ${limit}; it is a whole number from 1 up.`);
  const asked = { ...chosen, chain };
  const [{ rows: runs }, { rows: parts }] = [
    await costs({ ...asked, by: ["run"] }),
    await costs({ ...asked, by: ["run", "step", "endpoint"] }),
  ];
  const known = runs.filter(({ key, unknown }) => key["run"] !== undefined && unknown === 0);
  const names = new Set(known.map(({ key }) => key["run"]));
  const byPart = Map.groupBy(
    parts.filter(({ key }) => names.has(key["run"])),
    partOf,
  );
  const usual = new Map(
    [...byPart].map(([part, some]) => [
      part,
      {
        of: some[0]?.key ?? {},
        calls: median(
          filled(
            some.map(({ calls }) => calls),
            known.length,
          ),
        ),
        nanoUsd: median(
          filled(
            some.map(({ nanoUsd }) => nanoUsd),
            known.length,
          ),
        ),
      },
    ]),
  );
  const byRun = Map.groupBy(parts, ({ key }) => key["run"]);
  const medianNanoUsd = median(known.map(({ nanoUsd }) => nanoUsd));
  const told = ({ key, nanoUsd, calls }: CostRow): RunCost => ({
    run: key["run"] ?? "",
    ...{ nanoUsd, calls },
    because: differences(byRun.get(key["run"]) ?? [], usual, Math.sign(nanoUsd - medianNanoUsd)),
  });
  const inOrder = known.toSorted((a, b) => a.nanoUsd - b.nanoUsd);
  return {
    chain,
    runs: known.length,
    unknown: runs.length - known.length,
    medianNanoUsd,
    cheapest: inOrder.slice(0, limit).map(told),
    dearest: inOrder.slice(-limit).reverse().map(told),
  };
}

type Usual = ReadonlyMap<
  string,
  { readonly of: CostRow["key"]; readonly calls: number; readonly nanoUsd: number }
>;

/** What makes it dearer, or cheaper: not what evens that out. */
function differences(parts: readonly CostRow[], usual: Usual, direction: number): RunDifference[] {
  const has = new Map(parts.map((part) => [partOf(part), part]));
  return [...usual]
    .map(([name, { of, calls, nanoUsd }]): RunDifference => {
      const part = has.get(name);
      return {
        ...{ step: of["step"], endpoint: of["endpoint"] },
        ...{ calls: part?.calls ?? 0, usualCalls: calls },
        ...{ nanoUsd: part?.nanoUsd ?? 0, usualNanoUsd: nanoUsd },
        wasteNanoUsd: part?.waste.nanoUsd ?? 0,
      };
    })
    .filter((one) => Math.sign(one.nanoUsd - one.usualNanoUsd) === direction && direction !== 0)
    .sort((a, b) => Math.abs(b.nanoUsd - b.usualNanoUsd) - Math.abs(a.nanoUsd - a.usualNanoUsd))
    .slice(0, MOST_REASONS);
}

const partOf = ({ key }: CostRow): string => JSON.stringify([key["step"] ?? null, key["endpoint"] ?? null]);

/** Runs that have no such part spend nothing on it. */
const filled = (amounts: readonly number[], count: number): number[] => [
  ...amounts,
  ...Array.from({ length: count - amounts.length }, () => 0),
];

function median(amounts: readonly number[]): number {
  const inOrder = amounts.toSorted((a, b) => a - b);
  const middle = inOrder.length >> 1;
  const [low = 0, high = 0] = [inOrder[middle - 1], inOrder[middle]];
  return inOrder.length % 2 === 1 ? high : Math.round((low + high) / 2);
}
