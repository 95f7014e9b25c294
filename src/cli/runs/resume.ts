import { type FalError, InvalidArgumentError } from "../../index.ts";
import { nameOfRun } from "../../journal/run-name.ts";
import { EXIT, printableJson, showRun, untilInterrupted } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { type StoreOptions, withClient } from "../client.ts";
import { parseOneOf } from "../inputs.ts";
import { withStore } from "../store.ts";
import { findRun } from "./find-run.ts";
import { chainOf, clientsOf, loadModule } from "./load-chains.ts";

export interface ResumeRunOptions extends StoreOptions {
  readonly load: string;
  readonly onDiverge?: string;
  readonly unbilledOnly?: boolean;
}

/** Goes on with a run, with the chain that a module of the user's exports. */
export async function resumeRun(io: Io, id: string, options: ResumeRunOptions): Promise<number> {
  const onDiverge = parseOneOf("--on-diverge", options.onDiverge ?? "throw", ["throw", "pay"]);
  let name = "";
  let chain = "";
  let run = "";
  await withClient(io, options, async (fal) => {
    const found = await findRun(fal, id);
    ({ chain, id: run } = found);
    name = nameOfRun(found);
    return EXIT.ok;
  });

  return withStoreForModules(withStore(io, options.store)["FAL_CHAIN_STORE"], async () => {
    const exported = await loadModule(options.load);
    try {
      return await untilInterrupted(async (abortSignal) => {
        const retryFailed = options.unbilledOnly ? true : "billed";
        const how = { abortSignal, onDiverge, retryFailed } as const;
        const resumed = chainOf(exported, chain, options.load).resume(run, how);
        const output = await showRun(resumed, { output: io.stderr });
        if (output !== undefined) io.stdout.write(`${printableJson(output)}\n`);
        return EXIT.ok;
      }, io.stderr);
    } catch (error) {
      throw isUnknownRun(error) ? elsewhere(name, options.load, error) : error;
    } finally {
      await Promise.all(clientsOf(exported).map((client) => client.close()));
    }
  });
}

/** A module reads the environment of the process: that is where it learns which store is meant. */
async function withStoreForModules<T>(selector: string | undefined, use: () => Promise<T>): Promise<T> {
  const before = process.env["FAL_CHAIN_STORE"];
  if (selector !== undefined) process.env["FAL_CHAIN_STORE"] = selector;
  try {
    return await use();
  } finally {
    if (before === undefined) delete process.env["FAL_CHAIN_STORE"];
    else process.env["FAL_CHAIN_STORE"] = before;
  }
}

/** By its code: the module may have a copy of the package of its own. */
const isUnknownRun = (error: unknown): boolean =>
  (error as Partial<FalError> | undefined)?.code === "run_unknown";

const elsewhere = (name: string, file: string, cause: unknown) =>
  new InvalidArgumentError(
    `The run ${name} is in this command's store, and the client of ${file} has another one. A client that is given no ` +
      "store uses the one of FAL_CHAIN_STORE, as this command does; else name its store with --store.",
    { cause },
  );
