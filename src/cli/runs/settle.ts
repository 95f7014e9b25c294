import { type Fal, InvalidArgumentError, type RunInfo, type RunStep } from "../../index.ts";
import { nameOfRun } from "../../journal/run-name.ts";
import { aside, EXIT, printable, printableJson } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { type StoreOptions, withClient } from "../client.ts";
import { type SettlementOptions, settlementOf } from "../settlement.ts";
import { commandFor, findRun } from "./find-run.ts";
import { stepInDoubt } from "./step-in-doubt.ts";

/** Says what the call was that a run is blocked on. */
export async function settleRun(
  io: Io,
  id: string,
  options: StoreOptions & SettlementOptions,
): Promise<number> {
  const how = settlementOf(options);
  return withClient(io, options, async (fal) => {
    const run = await findRun(fal, id);
    const step = await blockedStep(fal, run);
    const { record } = await fal.calls.settle(step.call?.id ?? "", how);
    const said =
      how === "resubmit"
        ? "is submitted again when the run is resumed"
        : how === "give-up"
          ? "is given up, and fails when the run is resumed"
          : `is request ${record.ticket?.requestId}`;
    if (options.json) io.stdout.write(`${printableJson(record)}\n`);
    aside(io.stderr, `The step ${printable(step.name)} ${said}.`);
    const next = stepInDoubt(run, await fal.runs.steps(run.chain, run.id));
    aside(
      io.stderr,
      next
        ? `The step ${printable(next.name)} is in doubt too: settle the run once more.`
        : `Go on with it: ${commandFor("resume", run, "--load ./chains.ts")}`,
    );
    return EXIT.ok;
  });
}

async function blockedStep(fal: Fal, run: RunInfo): Promise<RunStep> {
  if (run.state !== "blocked") {
    throw new InvalidArgumentError(
      `The run ${nameOfRun(run)} is ${run.state}, so there is nothing to settle.`,
    );
  }
  const step = stepInDoubt(run, await fal.runs.steps(run.chain, run.id));
  if (step) return step;
  throw new InvalidArgumentError(
    `The run ${nameOfRun(run)} is settled already. Go on with it: ${commandFor("resume", run, "--load ./chains.ts")}`,
  );
}
