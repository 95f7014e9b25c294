import { type CallRecord, type Fal, InvalidArgumentError } from "../../index.ts";
import { runName } from "../../journal/run-name.ts";
import { EXIT, explainCalls, explainedRun, printableJson, writeExplanation } from "../../terminal/index.ts";
import { findCall } from "../calls/find-call.ts";
import type { Io } from "../cli.ts";
import { type StoreOptions, withClient } from "../client.ts";
import { runNamed } from "./named-runs.ts";

/** How a call or a run came to what it cost. */
export async function explain(io: Io, named: string, options: StoreOptions): Promise<number> {
  const { stdout } = io;
  return withClient(io, options, async (fal) => {
    const { run, calls } = await callsOf(fal, named);
    const { all, total } = explainCalls(calls, await fal.costs.corrections());
    if (options.json)
      stdout.write(`${printableJson(run === undefined ? all[0] : { run, calls: all, total })}\n`);
    else if (run !== undefined) stdout.write(`${explainedRun(run, all, total, stdout)}\n`);
    else for (const one of all) writeExplanation(one, stdout);
    return EXIT.ok;
  });
}

interface Named {
  /** Undefined for a single call. */
  readonly run: string | undefined;
  readonly calls: readonly CallRecord[];
}

/** A call by its id, or the beginning of it; else a run by its name, or its id alone. */
async function callsOf(fal: Fal, named: string): Promise<Named> {
  const call = await findCall(fal, named).catch((error: unknown) => {
    if (error instanceof InvalidArgumentError) return error;
    throw error;
  });
  if (!(call instanceof InvalidArgumentError)) return { run: undefined, calls: [call] };
  const { chain, run } = await runNamed(fal, named, undefined);
  const parts = chain === undefined ? [] : await fal.runs.parts(chain, run);
  const within = parts.flatMap(({ steps }) => steps.flatMap(({ call }) => call ?? []));
  const calls =
    within.length > 0
      ? within
      : (await fal.calls.list({ run, ...(chain !== undefined && { chain }) })).reverse();
  if (calls.length > 0) return { run: chain === undefined ? run : runName(chain, run), calls };
  throw new InvalidArgumentError(
    `${call.message} Nor is there a run ${JSON.stringify(named)} with calls; fal-chain runs lists those.`,
  );
}
