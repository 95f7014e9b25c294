import { writeFile } from "node:fs/promises";
import { type CostKey, type CostQuery, type Costs, type Fal, InvalidArgumentError } from "../../index.ts";
import { runName } from "../../journal/run-name.ts";
import type { OverTime, ReportData } from "../../report/index.ts";
import { runsOf } from "./named-runs.ts";

const DAYS_MS = 3 * 86_400_000;

/** Writes the report as a page: what was asked for, money over time, and one run. */
export async function writeReport(
  fal: Fal,
  query: CostQuery & { readonly by: readonly CostKey[] },
  costs: Costs,
  file: string,
): Promise<void> {
  const { reportPage } = await import("../../report/index.ts");
  const tag = query.by.find((key) => key.startsWith("tag:")) ?? "tag:customer";
  const data: ReportData = {
    source: scopeOf(query),
    madeAt: Date.now(),
    by: query.by,
    costs,
    overTime: [
      await overTime(fal, query, "chain", "Over time, by chain"),
      await overTime(fal, query, tag as CostKey, `Over time, by ${tag.replace("tag:", "")}`),
    ].filter(({ rows }) => rows.length > 0),
    run: await runFor(fal, query),
  };
  await writeFile(file, reportPage(data)).catch((cause: Error) => {
    throw new InvalidArgumentError(`${file} could not be written: ${cause.message}.`, { cause });
  });
}

/** By hours where there are only few days. */
async function overTime(fal: Fal, query: CostQuery, key: CostKey, title: string): Promise<OverTime> {
  const { rows } = await fal.costs({ ...query, by: ["day", key] });
  const days = rows.map((row) => Date.parse(row.key["day"] ?? ""));
  if (Math.max(...days) - Math.min(...days) >= DAYS_MS) return { title, time: "day", key, rows };
  return { title, time: "hour", key, rows: (await fal.costs({ ...query, by: ["hour", key] })).rows };
}

/** The run that was asked for, else the dearest one. */
async function runFor(fal: Fal, query: CostQuery): Promise<ReportData["run"]> {
  const { chain, run } = query;
  const asked = chain !== undefined && run !== undefined ? { chain, run } : undefined;
  const shown = asked ?? (await runsOf(fal, query))[0];
  return shown && fal.runs.parts(shown.chain, shown.run);
}

/** Which calls the page is about, so that a part is not taken for the whole. */
function scopeOf({ since, until, endpoint, chain, run, tags = {} }: CostQuery): string {
  const said = [
    run !== undefined && `run ${chain === undefined ? run : runName(chain, run)}`,
    run === undefined && chain !== undefined && `chain ${chain}`,
    endpoint !== undefined && endpoint,
    ...Object.entries(tags).map(([name, value]) => `${name}=${value}`),
    since !== undefined && `since ${String(since)}`,
    until !== undefined && `until ${String(until)}`,
  ];
  return said.filter(Boolean).join(" · ") || "all calls in the store";
}
