import { formatUsd, InvalidArgumentError, type RunCost, type RunDifference } from "../../index.ts";
import { EXIT, printable, printableJson, wrap } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { type StoreOptions, withClient } from "../client.ts";

interface CompareOptions extends StoreOptions {
  readonly since?: string;
  readonly until?: string;
  readonly limit?: string;
}

/** The cheapest and the dearest runs of a chain, and why. */
export async function compareRuns(
  io: Io,
  chain: string,
  { since, until, limit, ...options }: CompareOptions,
): Promise<number> {
  const { stdout } = io;
  return withClient(io, options, async (fal) => {
    if (limit !== undefined && !/^[1-9]\d*$/.test(limit))
      throw new InvalidArgumentError(`--limit is "${limit}"; it is a whole number from 1 up.`);
    const found = await fal.costs.runs(chain, {
      ...(since !== undefined && { since }),
      ...(until !== undefined && { until }),
      ...(limit !== undefined && { limit: Number(limit) }),
    });
    if (options.json) stdout.write(`${printableJson(found)}\n`);
    else if (found.runs + found.unknown === 0)
      stdout.write(`No run of ${printable(chain)} has calls in the store.\n`);
    else {
      const left =
        found.unknown > 0 ? ` ${found.unknown} more have calls of unknown cost, and are left out.` : "";
      const head = `${found.runs} runs of ${printable(chain)}, half of them dearer than ${formatUsd(found.medianNanoUsd)}.${left}`;
      const lists = [
        ...listOf("cheapest", found.cheapest, io),
        ...(found.runs > 1 ? listOf("dearest", found.dearest, io) : []),
      ];
      stdout.write(`${[...wrap(head.split(" "), stdout.columns ?? 80), ...lists].join("\n")}\n`);
    }
    return EXIT.ok;
  });
}

function listOf(title: string, runs: readonly RunCost[], { stdout }: Io): string[] {
  const width = (stdout.columns ?? 80) - 4;
  return runs.length === 0
    ? []
    : [
        `${title}:`,
        ...runs.flatMap(({ run, nanoUsd, because }) => [
          `  ${formatUsd(nanoUsd)}  ${printable(run, 200)}`,
          ...because.flatMap((one) => wrap(reason(one).split(" "), width).map((line) => `    ${line}`)),
        ]),
      ];
}

/** `upscale (fal-ai/esrgan): 3 calls rather than 1, $0.30 rather than $0.10` */
function reason({
  step,
  endpoint = "",
  calls,
  usualCalls,
  nanoUsd,
  usualNanoUsd,
  wasteNanoUsd,
}: RunDifference): string {
  const named =
    step === undefined ? printable(endpoint, 100) : `${printable(step, 60)} (${printable(endpoint, 100)})`;
  const many = (count: number) => `${count} ${count === 1 ? "call" : "calls"}`;
  const money = `${formatUsd(nanoUsd)} rather than ${formatUsd(usualNanoUsd)}`;
  const said = calls === usualCalls ? money : `${many(calls)} rather than ${usualCalls}, ${money}`;
  return `${named}: ${said}${wasteNanoUsd > 0 ? `, ${formatUsd(wasteNanoUsd)} of it wasted` : ""}`;
}
