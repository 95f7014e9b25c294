import type { CallRecord } from "../../index.ts";
import { shownData } from "../../journal/saved-data.ts";

/** A call for people and for JSON: of a result that is bytes it is said how many. */
export const asShown = (call: CallRecord): CallRecord =>
  call.outcome ? { ...call, outcome: { ...call.outcome, data: shownData(call.outcome.data) } } : call;
