import { nameOfRun } from "../../journal/run-name.ts";
import { aside, EXIT, printable, printableJson } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { type StoreOptions, withClient } from "../client.ts";
import { findRun } from "./find-run.ts";

/** Cancels a run, whichever process executes it. */
export async function cancelRun(
  io: Io,
  id: string,
  options: StoreOptions & { readonly reason?: string },
): Promise<number> {
  return withClient(io, options, async (fal) => {
    const run = await findRun(fal, id);
    const state = await fal.runs.cancel(run.chain, run.id, options.reason);
    const ended = state !== "running" && state !== "cancelled";
    if (options.json) io.stdout.write(`${printableJson(await fal.runs.get(run.chain, run.id))}\n`);
    const said =
      state === "cancelled"
        ? "is cancelled"
        : state !== "running"
          ? `is ${state}: there is nothing to cancel`
          : run.state === "interrupted"
            ? "is cancelled when it is resumed"
            : "is being cancelled by the process that executes it";
    aside(io.stderr, `The run ${printable(nameOfRun(run))} ${said}.`);
    return ended ? EXIT.failed : EXIT.ok;
  });
}
