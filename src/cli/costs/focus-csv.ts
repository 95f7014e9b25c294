import { once } from "node:events";
import { tagOf } from "../../attribution/tag-key.ts";
import { timeOf } from "../../base/time.ts";
import type { CallQuery, CallRecord, CostQuery, Fal } from "../../index.ts";
import type { Output } from "../../terminal/index.ts";
import { pages } from "../calls/pages.ts";
import { csvLine } from "./csv.ts";
import { FOCUS_HEAD, focusRow } from "./focus-columns.ts";

/** Writes the FOCUS (FinOps Open Cost and Usage Specification) CSV: one row per call, the newest first, as fast as the reader takes them. */
export async function writeFocus(fal: Pick<Fal, "calls">, query: CostQuery, output: Output): Promise<void> {
  const { tags = {} } = query;
  let text = csvLine(FOCUS_HEAD);
  for await (const page of pages(fal, callQueryOf(query, Date.now()))) {
    for (const call of page) if (carries(call, tags)) text += csvLine(focusRow(call));
    if (text !== "" && !output.write(text)) await once(output, "drain");
    text = "";
  }
}

function callQueryOf({ since, until, endpoint, chain, run }: CostQuery, now: number): CallQuery {
  return {
    ...(since !== undefined && { since: timeOf(since, now) }),
    ...(until !== undefined && { until: timeOf(until, now) }),
    ...(endpoint !== undefined && { endpoint }),
    ...(chain !== undefined && { chain }),
    ...(run !== undefined && { run }),
  };
}

const carries = ({ for: { userTags } }: CallRecord, tags: Readonly<Record<string, string>>): boolean =>
  Object.entries(tags).every(([name, value]) => tagOf(userTags, name) === value);
