import { type Fal, InvalidArgumentError, type RunInfo, type RunStep } from "../../index.ts";
import { nameOfRun } from "../../journal/run-name.ts";
import { aside, EXIT, printable, printableJson, timeText } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { type StoreOptions, withClient } from "../client.ts";
import { type SettlementOptions, settlementOf } from "../settlement.ts";
import { stepsInDoubt } from "./step-in-doubt.ts";

export interface SettleAllOptions extends StoreOptions, SettlementOptions {
  readonly chain?: string;
  readonly yes?: boolean;
}

/** More than a store has of runs that wait for somebody. */
const ALL = 1_000_000;

/** Says the same of every step that runs are blocked on; without `--yes` they are shown, and nothing is said. */
export async function settleAllRuns(io: Io, options: SettleAllOptions): Promise<number> {
  const how = settlementOf(options);
  if (typeof how === "object") {
    throw new InvalidArgumentError(
      "A request is one call: name the run, or settle all with --resubmit or --give-up.",
    );
  }
  return withClient(io, options, async (fal) => {
    const doubts = await doubtsOf(fal, options.chain);
    if (doubts.length === 0) {
      aside(io.stderr, "No blocked run is left to settle.");
      return EXIT.ok;
    }
    if (!options.yes) {
      const records = doubts.map(({ step }) => step.call);
      io.stdout.write(options.json ? `${printableJson(records)}\n` : doubts.map(lineOf).join(""));
      aside(io.stderr, `${counted(doubts)}. Nothing is settled yet: add --yes to ${MEANING[how]}.`);
      return EXIT.ok;
    }
    const settled = [];
    for (const { step } of doubts) settled.push((await fal.calls.settle(step.call?.id ?? "", how)).record);
    if (options.json) io.stdout.write(`${printableJson(settled)}\n`);
    aside(io.stderr, `${counted(doubts)}: settled. Resume or start the runs to go on with them.`);
    return EXIT.ok;
  });
}

interface Doubt {
  readonly run: RunInfo;
  readonly step: RunStep;
}

async function doubtsOf(fal: Fal, chain: string | undefined): Promise<Doubt[]> {
  const runs = await fal.runs.list({ state: "blocked", limit: ALL, ...(chain !== undefined && { chain }) });
  const doubts: Doubt[] = [];
  for (const run of runs) {
    for (const step of stepsInDoubt(await fal.runs.steps(run.chain, run.id))) doubts.push({ run, step });
  }
  return doubts;
}

const MEANING = {
  resubmit: "send each of them again when its run is resumed, which is paid",
  "give-up": "give each of them up",
} as const;

function counted(doubts: readonly Doubt[]): string {
  const runs = new Set(doubts.map(({ run }) => nameOfRun(run))).size;
  const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? "" : "s"}`;
  return `${count(doubts.length, "submit")} of ${count(runs, "blocked run")}`;
}

function lineOf({ run, step }: Doubt): string {
  const { endpoint = "", intendedAt = 0, doubt = "" } = step.call ?? {};
  const parts = [nameOfRun(run), step.name, endpoint, timeText(intendedAt), doubt];
  return `${parts.map((part) => printable(part)).join("  ")}\n`;
}
