import { timeOf } from "../../base/time.ts";
import {
  type Fal,
  InvalidArgumentError,
  type RunInfo,
  type RunQuery,
  type RunState,
  type RunStep,
} from "../../index.ts";
import {
  aside,
  EXIT,
  printable,
  printableJson,
  runTable,
  timeline,
  timeText,
  writeFacts,
} from "../../terminal/index.ts";
import { parseLimit, parseOneOf } from "../inputs.ts";
import type { Io } from "../io.ts";
import { type SettlementOptions, settlementOf } from "../settlement.ts";
import { type StoreOptions, withClient } from "../store.ts";
import { findRun, nameOf, quoted } from "./find-run.ts";

interface ListOptions extends StoreOptions {
  readonly chain?: string;
  readonly state?: string;
  readonly since?: string;
  readonly limit: string;
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
/** For the store these run: what became of their process, if they have had one, tells them apart. */
const RUNNING: readonly RunInfo["state"][] = ["waiting", "running", "interrupted"];
/** More than a run can sensibly have. */
const ALL_CALLS = 1_000_000;

/** The runs that the store has, the newest first. */
export async function list(io: Io, options: ListOptions): Promise<number> {
  const limit = parseLimit(options.limit);
  const state = options.state === undefined ? undefined : parseOneOf("--state", options.state, STATES);
  const isRunning = state !== undefined && RUNNING.includes(state);
  const query: RunQuery = {
    ...(state !== undefined && { state: isRunning ? "running" : (state as RunState) }),
    limit: isRunning ? 10_000 : limit,
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
          const calls = await fal.calls.list({ chain: run.chain, run: run.id, limit: ALL_CALLS });
          return { run, calls };
        }),
      );
      io.stdout.write(`${runTable(listed, io.stdout)}\n`);
    }
    return EXIT.ok;
  });
}

/** Draws what a run did and when, what it cost, and what it waits for. */
export async function show(io: Io, id: string, options: StoreOptions): Promise<number> {
  return withClient(io, options, async (fal) => {
    const run = await findRun(fal, id);
    const steps = await fal.runs.steps(run.chain, run.id);
    if (options.json) io.stdout.write(`${printableJson({ ...run, steps })}\n`);
    else describe(run, steps, io);
    return EXIT.ok;
  });
}

function describe(run: RunInfo, steps: readonly RunStep[], { stdout }: Io): void {
  const { state, startedAt, endedAt, executions, tags, error } = run;
  const json = (value: unknown) => (value === undefined ? undefined : JSON.stringify(value));
  writeFacts(
    [
      ["run", nameOf(run)],
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
      ...whatNow(run, steps),
    ],
    stdout,
  );
  const now = state === "running" ? Date.now() : undefined;
  if (steps.length > 0) stdout.write(`\n${timeline(steps, { output: stdout, now })}\n`);
}

/** The commands that get a run which waits going again. */
function whatNow(run: RunInfo, steps: readonly RunStep[]): [string, string][] {
  const name = quoted(nameOf(run));
  const resume = `fal-chain runs resume ${name} --load ./chains.ts`;
  const said = (words: string): [string, string][] => [
    ["what now", words],
    ["", resume],
  ];
  if (run.state === "waiting") return said("Nobody has started it. A worker does, or you do:");
  if (run.state === "interrupted") return said("Nobody executes it. Go on with it:");
  if (run.state === "failed") return said("Go on from the step that failed:");
  if (run.state !== "blocked") return [];
  const open = inDoubt(run, steps);
  if (!open) return said("It is settled. Go on with it:");
  const note = open.call?.note ? ` (${open.call.note})` : "";
  const seen = run.error?.facts?.["candidates"];
  const requests = Array.isArray(seen) && seen.length > 0 ? seen.map(String) : ["REQUEST"];
  const settle = `fal-chain runs settle ${name}`;
  return [
    ["blocked on", `${open.name}, which may or may not have been accepted${note}`],
    ["what now", "Look for it in the request history of fal's dashboard, and say what it was with one of"],
    ...requests.map((request): [string, string] => ["", `${settle} --adopt ${request}`]),
    ["", `${settle} --resubmit`],
    ["", `${settle} --give-up`],
    ["", "Then go on with it:"],
    ["", resume],
  ];
}

/** The step that a blocked run waits for: the one that it named, else another one that is in doubt as well. */
function inDoubt({ error }: RunInfo, steps: readonly RunStep[]): RunStep | undefined {
  const open = steps.filter(
    ({ call, replaced }) =>
      call && !replaced && !call.ticket && ["ambiguous", "intended"].includes(call.state),
  );
  return open.find(({ call }) => call?.id === error?.facts?.["callId"]) ?? open[0];
}

/** Says what the call was that a run is blocked on. */
export async function settle(io: Io, id: string, options: StoreOptions & SettlementOptions): Promise<number> {
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
    const next = inDoubt(run, await fal.runs.steps(run.chain, run.id));
    aside(
      io.stderr,
      next
        ? `The step ${printable(next.name)} is in doubt too: settle the run once more.`
        : `Go on with it: fal-chain runs resume ${quoted(nameOf(run))} --load ./chains.ts`,
    );
    return EXIT.ok;
  });
}

async function blockedStep(fal: Fal, run: RunInfo): Promise<RunStep> {
  if (run.state !== "blocked") {
    throw new InvalidArgumentError(`The run ${nameOf(run)} is ${run.state}, so there is nothing to settle.`);
  }
  const step = inDoubt(run, await fal.runs.steps(run.chain, run.id));
  if (step) return step;
  throw new InvalidArgumentError(
    `The run ${nameOf(run)} is settled already. Go on with it: fal-chain runs resume ${quoted(nameOf(run))} --load ./chains.ts`,
  );
}

/** Cancels a run, whichever process executes it. */
export async function cancel(
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
            ? "is cancelled as soon as somebody resumes it"
            : "is being cancelled by the process that executes it";
    aside(io.stderr, `The run ${printable(nameOf(run))} ${said}.`);
    return ended ? EXIT.failed : EXIT.ok;
  });
}

/** Deletes a run that has ended. What its calls cost stays in the ledger. */
export async function forget(io: Io, id: string, options: StoreOptions): Promise<number> {
  return withClient(io, options, async (fal) => {
    const run = await findRun(fal, id);
    await fal.runs.forget(run.chain, run.id);
    if (options.json) io.stdout.write(`${printableJson({ chain: run.chain, id: run.id })}\n`);
    aside(io.stderr, `The run ${printable(nameOf(run))} is forgotten; its calls stay in the ledger.`);
    return EXIT.ok;
  });
}
