import type { CostQuery, Fal } from "../../index.ts";
import { idIn, runsNamed } from "../../journal/run-name.ts";

export interface NamedRun {
  readonly chain?: string;
  readonly run: string;
}

/**
 * What `--run` names in the ledger, where calls stay when their run is forgotten: `chain/id`, or the id alone, of whichever
 * chain. A chain's name may hold a slash, as an app's does.
 */
export async function runNamed(fal: Fal, text: string, chain: string | undefined): Promise<NamedRun> {
  if (chain !== undefined) return { chain, run: text };
  for (const { chain, id } of runsNamed(text)) {
    const named = { chain, run: id };
    const { total } = await fal.costs({ ...named, by: [] });
    // One that only starts others has no calls of its own.
    if (total.calls > 0 || (await fal.runs.get(named.chain, named.run))) return named;
  }
  return { run: text };
}

/** The runs that have calls which match, the dearest first. */
export async function runsOf(fal: Fal, query: CostQuery): Promise<{ chain: string; run: string }[]> {
  const { rows } = await fal.costs({ ...query, by: ["chain", "run"] });
  return rows.flatMap(({ key: { chain, run } }) =>
    chain !== undefined && run !== undefined ? [{ chain, run: idIn(run, chain) }] : [],
  );
}
