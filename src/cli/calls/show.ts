import { shellWord } from "../../base/text.ts";
import { type CallRecord, formatUsd } from "../../index.ts";
import { runOf } from "../../journal/run-name.ts";
import { whyText } from "../../journal/why-text.ts";
import { savedNanoUsd } from "../../money/cost.ts";
import { costText, EXIT, printableJson, timeText, writeFieldList } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { type StoreOptions, withClient } from "../client.ts";
import { asShown } from "./as-shown.ts";
import { findCall } from "./find-call.ts";

/** Prints everything that is known of one call. */
export async function showCall(io: Io, id: string, options: StoreOptions): Promise<number> {
  return withClient(io, options, async (fal) => {
    const call = asShown(await findCall(fal, id));
    if (options.json) io.stdout.write(`${printableJson(call)}\n`);
    else describe(call, io);
    return EXIT.ok;
  });
}

function describe(call: CallRecord, { stdout }: Io): void {
  const { ticket, for: whom, outcome, error, cost, usage } = call;
  const seconds = (value: number | undefined) => (value === undefined ? undefined : `${value.toFixed(1)} s`);
  const fields: [string, string | undefined][] = [
    ["call", call.id],
    ["endpoint", call.endpoint],
    ["state", call.state],
    ["request", ticket?.requestId ?? call.reuseOf?.requestId],
    ["run", runOf(whom)],
    ["step", whom.step],
    ["job", whom.jobId],
    ["app", whom.app],
    ["for", whom.request],
    [
      "tags",
      Object.entries(whom.tags)
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
    ["given", givenText(call)],
    ["why", whyText(call)],
    ["error", error?.message],
    ["unreadable", call.unreadable?.join(", ")],
    ...cureOf(call),
    ["input", call.body],
    ["output", outcome && JSON.stringify(outcome.data)],
  ];
  writeFieldList(fields, stdout);
}

function givenText({ reuseOf, cost }: CallRecord): string | undefined {
  if (!reuseOf) return undefined;
  const saved = savedNanoUsd(cost) ?? 0;
  const money = saved > 0 ? `, which saved ${formatUsd(saved)}` : "";
  return `what call ${reuseOf.call} was paid for${money}`;
}

function cureOf({ id, state, ticket }: CallRecord): [string, string][] {
  if (ticket || !["intended", "ambiguous", "given-up"].includes(state)) return [];
  return [
    [
      "what now",
      "It may or may not have been accepted. Look for it in the request history of fal's dashboard, and say what it was:",
    ],
    ["", `fal-chain calls settle ${shellWord(id.slice(0, 8))} --adopt REQUEST | --resubmit | --give-up`],
  ];
}
