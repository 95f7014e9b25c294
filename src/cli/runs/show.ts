import { shellWord } from "../../base/text.ts";
import type { RunInfo, RunStep } from "../../index.ts";
import { nameOfRun } from "../../journal/run-name.ts";
import { whyText } from "../../journal/why-text.ts";
import { EXIT, printableJson, timeline, timeText, writeFieldList } from "../../terminal/index.ts";
import { asShown } from "../calls/as-shown.ts";
import type { Io } from "../cli.ts";
import { type StoreOptions, withClient } from "../client.ts";
import { commandFor, findRun } from "./find-run.ts";
import { stepInDoubt } from "./step-in-doubt.ts";

/** Draws what a run did and when, what it cost, and what it waits for. */
export async function showRunById(io: Io, id: string, options: StoreOptions): Promise<number> {
  return withClient(io, options, async (fal) => {
    const run = await findRun(fal, id);
    const steps = await fal.runs.steps(run.chain, run.id);
    if (options.json) io.stdout.write(`${printableJson({ ...run, steps: steps.map(stepAsShown) })}\n`);
    else describe(run, steps, io);
    return EXIT.ok;
  });
}

const stepAsShown = (step: RunStep) => ({ ...step, call: step.call && asShown(step.call) });

function describe(run: RunInfo, steps: readonly RunStep[], { stdout }: Io): void {
  const { state, startedAt, endedAt, executions, tags, error } = run;
  const json = (value: unknown) => (value === undefined ? undefined : JSON.stringify(value));
  writeFieldList(
    [
      ["run", nameOfRun(run)],
      ["state", state],
      ["started", `${timeText(startedAt)} UTC`],
      ["ended", endedAt === undefined ? undefined : `${timeText(endedAt)} UTC`],
      ["executed", executions === 1 ? undefined : `${executions} times`],
      [
        "tags",
        Object.entries(tags)
          .map(([key, value]) => `${key}=${value}`)
          .join("  ") || undefined,
      ],
      ["input", json(run.input)],
      ["output", json(run.output)],
      // What it is blocked on is said with the commands that help.
      ["error", state === "blocked" ? undefined : error?.message],
      ["unreadable", run.unreadable?.join(", ")],
      ...whatNow(run, steps),
    ],
    stdout,
  );
  const now = state === "running" ? Date.now() : undefined;
  if (steps.length > 0) stdout.write(`\n${timeline(steps, { output: stdout, now })}\n`);
}

/** The commands that get a run which waits going again. */
function whatNow(run: RunInfo, steps: readonly RunStep[]): [string, string][] {
  const resume = commandFor("resume", run, "--load ./chains.ts");
  const withCommand = (words: string): [string, string][] => [
    ["what now", words],
    ["", resume],
  ];
  if (run.state === "waiting") return withCommand("It has not been started. A worker starts it, or you do:");
  if (run.state === "interrupted") return withCommand("No process executes it. Go on with it:");
  if (run.state === "failed") return withCommand("Go on from the step that failed:");
  if (run.state !== "blocked") return [];
  const open = stepInDoubt(run, steps);
  if (!open) return withCommand("It is settled. Go on with it:");
  const why = open.call && whyText(open.call);
  const seen = run.error?.facts?.["candidates"];
  const requests =
    Array.isArray(seen) && seen.length > 0 ? seen.map((id) => shellWord(String(id))) : ["REQUEST"];
  const settle = (how: string): [string, string] => ["", commandFor("settle", run, how)];
  return [
    ["blocked on", `${open.name}, which may or may not have been accepted${why ? ` (${why})` : ""}`],
    ["what now", "Look for it in the request history of fal's dashboard, and say what it was with one of"],
    ...requests.map((request) => settle(`--adopt ${request}`)),
    settle("--resubmit"),
    settle("--give-up"),
    ["", "Then go on with it:"],
    ["", resume],
  ];
}
