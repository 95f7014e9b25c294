import { once } from "node:events";
import { tagOf } from "../../attribution/tag-key.ts";
import { timeOf } from "../../base/time.ts";
import { type CallQuery, type CallRecord, type CostQuery, type Fal, formatUsd } from "../../index.ts";
import type { Correction } from "../../journal/months.ts";
import { knownNanoUsd } from "../../money/cost.ts";
import type { Output } from "../../terminal/index.ts";
import { pages } from "../calls/pages.ts";
import { csvLine } from "../costs/csv.ts";
import { bookedCost, type Charge, chargeOf, correctionOf, type NoCharge } from "./charge.ts";
import { accountOf, type FocusFacts, focusHead, focusRow } from "./columns.ts";

/** What is not in it, since FOCUS has no row for it, or should be. */
export interface LeftOut {
  readonly calls: Record<NoCharge, number>;
  /** What those cost whose quantity is not known. */
  unmeasuredNanoUsd: number;
  /** Rows that do not say which account was billed. */
  withoutAccount: number;
}

/**
 * Writes the FOCUS (FinOps Open Cost and Usage Specification) CSV: one row per charge, the newest first, as fast as the reader
 * takes them.
 */
export async function writeFocus(
  fal: Pick<Fal, "calls" | "costs">,
  query: CostQuery,
  facts: FocusFacts,
  output: Output,
): Promise<LeftOut> {
  const { tags = {} } = query;
  const corrections = await fal.costs.corrections();
  const ofCall = Map.groupBy(corrections, ({ callId }) => callId);
  const asked = callQueryOf(query, Date.now());
  const left: LeftOut = {
    calls: { free: 0, unknown: 0, unmeasured: 0 },
    unmeasuredNanoUsd: 0,
    withoutAccount: 0,
  };
  let text = csvLine(focusHead(facts));
  for await (const page of pages(fal, asked)) {
    for (const call of page) if (carries(call, tags)) text += rowOf(call, ofCall.get(call.id), facts, left);
    if (text !== "" && !output.write(text)) await once(output, "drain");
    text = "";
  }
  for (const correction of corrections) {
    const call = isWithin(correction, asked) ? await fal.calls.get(correction.callId) : undefined;
    if (!call || !carries(call, tags) || !isAsked(call, asked)) continue;
    output.write(lineOf(correctionOf(call, correction), facts, left));
  }
  return left;
}

/** A correction belongs to the time that it came in. */
const isWithin = ({ at }: Correction, { since = -Infinity, until = Infinity }: CallQuery): boolean =>
  at >= since && at < until;

const isAsked = (call: CallRecord, { endpoint, chain, run }: CallQuery): boolean =>
  (endpoint === undefined || call.endpoint === endpoint) &&
  (chain === undefined || call.for.chain === chain) &&
  (run === undefined || call.for.run === run);

function rowOf(
  call: CallRecord,
  corrections: readonly Correction[] = [],
  facts: FocusFacts,
  left: LeftOut,
): string {
  const cost = bookedCost(call, corrections);
  const charge = chargeOf({ ...call, cost });
  if (typeof charge === "object") return lineOf(charge, facts, left);
  left.calls[charge]++;
  if (charge === "unmeasured") left.unmeasuredNanoUsd += knownNanoUsd(cost) ?? 0;
  return "";
}

function lineOf(charge: Charge, facts: FocusFacts, left: LeftOut): string {
  if (accountOf(charge, facts) === undefined) left.withoutAccount++;
  return csvLine(focusRow(charge, facts));
}

/** What is to be known of what was written, a line each; none where all of it is there. */
export function focusNotes({ calls, unmeasuredNanoUsd, withoutAccount }: LeftOut): string[] {
  const many = (count: number, what: string) => `${count} ${count === 1 ? "call" : "calls"} ${what}`;
  return [
    ...(calls.unknown > 0 ? [`Left out: ${many(calls.unknown, "of unknown cost")}.`] : []),
    ...(calls.unmeasured > 0
      ? [
          `Left out: ${many(calls.unmeasured, `of unknown quantity, which cost ${formatUsd(unmeasuredNanoUsd)}`)}.`,
        ]
      : []),
    ...(calls.free > 0 ? [`Left out: ${many(calls.free, "that cost nothing")}.`] : []),
    ...(withoutAccount > 0
      ? ["FOCUS wants a BillingAccountId in each row: name the account with --billing-account."]
      : []),
  ];
}

function callQueryOf({ since, until, endpoint, chain, run, keyId }: CostQuery, now: number): CallQuery {
  return {
    ...(since !== undefined && { since: timeOf(since, now) }),
    ...(until !== undefined && { until: timeOf(until, now) }),
    ...(endpoint !== undefined && { endpoint }),
    ...(chain !== undefined && { chain }),
    ...(run !== undefined && { run }),
    ...(keyId !== undefined && { keyId }),
  };
}

const carries = ({ for: { userTags } }: CallRecord, tags: Readonly<Record<string, string>>): boolean =>
  Object.entries(tags).every(([name, value]) => tagOf(userTags, name) === value);
