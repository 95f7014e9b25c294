import { nameOfRun } from "../../journal/run-name.ts";
import { aside, EXIT, printable, printableJson } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { type StoreOptions, withClient } from "../client.ts";
import { findRun } from "./find-run.ts";

/** Deletes a run that has ended. What its calls cost stays in the ledger. */
export async function forgetRun(io: Io, id: string, options: StoreOptions): Promise<number> {
  return withClient(io, options, async (fal) => {
    const run = await findRun(fal, id);
    await fal.runs.forget(run.chain, run.id);
    if (options.json) io.stdout.write(`${printableJson({ chain: run.chain, id: run.id })}\n`);
    aside(io.stderr, `The run ${printable(nameOfRun(run))} is forgotten; its calls stay in the ledger.`);
    return EXIT.ok;
  });
}
