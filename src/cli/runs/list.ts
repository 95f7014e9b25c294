import { timeOf } from "../../base/time.ts";
import type { RunInfo, RunQuery, RunState } from "../../index.ts";
import { EXIT, printableJson, runTable } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { type StoreOptions, withClient } from "../client.ts";
import { parseListLimit, parseOneOf, sayHowMany } from "../inputs.ts";

interface ListOptions extends StoreOptions {
  readonly chain?: string;
  readonly state?: string;
  readonly since?: string;
  readonly limit?: string;
}

const STATES: readonly RunInfo["state"][] = [
  "waiting",
  "running",
  "interrupted",
  "blocked",
  "completed",
  "failed",
  "cancelled",
];
/** The store knows these as running; which of them it is depends on the process that executes the run. */
const RUNNING: readonly RunInfo["state"][] = ["waiting", "running", "interrupted"];
/** Prints the runs in the store, the newest first. */
export async function listRuns(io: Io, options: ListOptions): Promise<number> {
  const limit = parseListLimit(options);
  const state = options.state === undefined ? undefined : parseOneOf("--state", options.state, STATES);
  const query: RunQuery = {
    ...(state !== undefined && { state: RUNNING.includes(state) ? "running" : (state as RunState) }),
    ...(options.chain !== undefined && { chain: options.chain }),
    ...(options.since !== undefined && { since: timeOf(options.since, Date.now()) }),
  };
  return withClient(io, options, async (fal) => {
    const found = (await fal.runs.list(query)).filter((run) => state === undefined || run.state === state);
    const runs = found.slice(0, limit);
    if (options.json) io.stdout.write(`${printableJson(runs)}\n`);
    else if (runs.length === 0) io.stdout.write("No such runs are in the store.\n");
    else {
      const listed = await Promise.all(
        runs.map(async (run) => {
          const calls = await fal.calls.list({ chain: run.chain, run: run.id });
          return { run, calls };
        }),
      );
      io.stdout.write(`${runTable(listed, io.stdout)}\n`);
    }
    if (found.length > runs.length) sayHowMany(io, runs.length, found.length, "runs");
    return EXIT.ok;
  });
}
