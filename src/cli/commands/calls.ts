import { timeOf } from "../../base/time.ts";
import {
  type CallQuery,
  type CallRecord,
  type CallState,
  type Fal,
  InvalidArgumentError,
} from "../../index.ts";
import {
  aside,
  costText,
  EXIT,
  printable,
  printableJson,
  recordTable,
  timeText,
  untilInterrupted,
  writeFacts,
} from "../../terminal/index.ts";
import { parseLimit, parseOneOf } from "../inputs.ts";
import type { Io } from "../io.ts";
import { type SettlementOptions, settlementOf } from "../settlement.ts";
import { type StoreOptions, withClient } from "../store.ts";
import { deliver, type OutputOptions, resumeCall } from "./call.ts";

export interface ListOptions extends StoreOptions {
  readonly state?: string;
  readonly endpoint?: string;
  readonly since?: string;
  readonly limit: string;
}

/** The calls that the store has, the newest first. */
export async function list(io: Io, options: ListOptions): Promise<number> {
  const query: CallQuery = {
    limit: parseLimit(options.limit),
    ...(options.state !== undefined && { state: parseOneOf("--state", options.state, STATES) }),
    ...(options.endpoint !== undefined && { endpoint: options.endpoint }),
    ...(options.since !== undefined && { since: timeOf(options.since, Date.now()) }),
  };
  return withClient(io, options, async (fal) => {
    const calls = await fal.calls.list(query);
    if (options.json) io.stdout.write(`${printableJson(calls)}\n`);
    else if (calls.length === 0) io.stdout.write("No such calls are in the store.\n");
    else io.stdout.write(`${recordTable(calls, io.stdout)}\n`);
    return EXIT.ok;
  });
}

/** Everything that is known of one call. */
export async function show(io: Io, id: string, options: StoreOptions): Promise<number> {
  return withClient(io, options, async (fal) => {
    const call = await find(fal, id);
    if (options.json) io.stdout.write(`${printableJson(call)}\n`);
    else describe(call, io);
    return EXIT.ok;
  });
}

interface SettleOptions extends StoreOptions, SettlementOptions, OutputOptions {}

/** Says what became of a call in doubt, and delivers what it gives then. */
export async function settle(io: Io, id: string, options: SettleOptions): Promise<number> {
  const how = settlementOf(options);
  return withClient(io, options, async (fal) => {
    const found = await find(fal, id);
    const { record, call } = await fal.calls.settle(found.id, how);
    aside(io.stderr, SETTLED[typeof how === "object" ? "adopt" : how](record));
    if (how !== "give-up") {
      const run = resumeCall(fal, record);
      if (run) {
        return untilInterrupted((signal) => deliver(io, run, record.endpoint, options, signal), io.stderr);
      }
      if (typeof how === "object" || call) {
        const { data, requestId, billing } = await (call ?? fal.calls.collect(record.id));
        io.stdout.write(`${printableJson(options.json ? { requestId, data, billing } : data)}\n`);
        return EXIT.ok;
      }
    }
    if (options.json) io.stdout.write(`${printableJson(record)}\n`);
    return EXIT.ok;
  });
}

const SETTLED = {
  adopt: ({ id, ticket }: CallRecord) => `Call ${id} is request ${ticket?.requestId}.`,
  "give-up": ({ id }: CallRecord) => `Call ${id} is given up.`,
  resubmit: ({ id, chain, run }: CallRecord) =>
    run === undefined
      ? `Call ${id} is submitted again.`
      : `Call ${id} is submitted again when its run ${chain}/${run} is resumed.`,
};

/** Reads a rescue file back into the store. */
export async function rescue(io: Io, file: string | undefined, options: StoreOptions): Promise<number> {
  return withClient(io, options, async (fal) => {
    const { file: path, restored, left } = await fal.calls.rescue(file);
    if (options.json) io.stdout.write(`${printableJson({ file: path, restored, left })}\n`);
    else if (restored + left.length === 0)
      io.stdout.write(`Nothing is owed: there is no ${printable(path)}.\n`);
    else {
      io.stdout.write(`${restored} facts from ${printable(path)} are in the store.\n`);
      for (const { line, why } of left) {
        io.stdout.write(`left in the file: ${printable(why)}\n  ${printable(line)}\n`);
      }
    }
    return left.length === 0 ? EXIT.ok : EXIT.failed;
  });
}

/** The calls among which a short id is looked for. */
const RECENT = 100_000;

/** A call by its id, or by the beginning of it where only one begins so. */
async function find(fal: Fal, id: string): Promise<CallRecord> {
  const exact = await fal.calls.get(id);
  if (exact) return exact;
  const found = (await fal.calls.list({ limit: RECENT })).filter((call) => call.id.startsWith(id));
  const [only, another] = found;
  if (only && !another && id.length >= 4) return only;
  const some = found.slice(0, 5).map((call) => call.id);
  throw new InvalidArgumentError(
    only === undefined
      ? `No call in the store begins with ${JSON.stringify(id)}. fal-chain calls lists them.`
      : `${JSON.stringify(id)} is too short: it begins ${some.join(", ")}${found.length > 5 ? "…" : ""}.`,
  );
}

function describe(call: CallRecord, { stdout }: Io): void {
  const { ticket, run, chain, outcome, error, cost, usage } = call;
  const seconds = (value: number | undefined) => (value === undefined ? undefined : `${value.toFixed(1)} s`);
  const facts: [string, string | undefined][] = [
    ["call", call.id],
    ["endpoint", call.endpoint],
    ["state", call.state],
    ["request", ticket?.requestId],
    ["run", run === undefined ? undefined : `${chain}/${run}`],
    ["step", call.step],
    ["job", call.jobId],
    ["app", call.app],
    ["for", call.request],
    [
      "tags",
      Object.entries(call.tags)
        .map((pair) => pair.join("="))
        .join("  ") || undefined,
    ],
    ["made", `${timeText(call.intendedAt)} UTC`],
    ["submitted", call.submittedAt === undefined ? undefined : `${timeText(call.submittedAt)} UTC`],
    ["ended", call.endedAt === undefined ? undefined : `${timeText(call.endedAt)} UTC`],
    ["waited", seconds(usage?.waitSeconds)],
    ["ran", seconds(usage?.runSeconds)],
    ["units", usage?.units?.toString()],
    ["cost", cost && costText(cost)],
    ["note", call.note],
    ["error", error?.message],
    ...cureOf(call),
    ["input", call.body],
    ["output", outcome && JSON.stringify(outcome.data)],
  ];
  writeFacts(facts, stdout);
}

function cureOf({ id, state, ticket }: CallRecord): [string, string][] {
  if (ticket || !["intended", "ambiguous", "given-up"].includes(state)) return [];
  return [
    [
      "what now",
      "It may or may not have been accepted. Look for it in the request history of fal's dashboard, and say what it was:",
    ],
    ["", `fal-chain calls settle ${id.slice(0, 8)} --adopt REQUEST | --resubmit | --give-up`],
  ];
}

const STATES: readonly CallState[] = [
  "intended",
  "submitted",
  "ambiguous",
  "completed",
  "failed",
  "given-up",
];
