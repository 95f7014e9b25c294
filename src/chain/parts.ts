import { rootName } from "../attribution/root.ts";
import type { CallRecord } from "../journal/call.ts";
import { runName } from "../journal/run-name.ts";
import type { Store } from "../journal/store.ts";
import { ALL, callOutsideRun, type RunStep, stepsOf } from "./steps.ts";

/** A run and what it did; or the calls that an app of ours made for it outside of any run. */
export interface RunPart {
  /** `chain/id`; undefined outside of any run. */
  readonly run: string | undefined;
  readonly steps: readonly RunStep[];
}

/**
 * A run, and after it whatever else was called for it: by runs that were started within it, and by apps of ours that it
 * called. A run that is itself a part of another one stands alone: its parts are that one's.
 */
export async function partsOf(store: Store, chain: string, id: string): Promise<RunPart[]> {
  const own = { run: runName(chain, id), steps: await stepsOf(store, chain, id) };
  const others = new Map<string, CallRecord[]>();
  const found = await store.calls.list({ rootRun: await rootName(own.run), limit: ALL });
  for (const call of found) {
    if (call.for.chain === chain && call.for.run === id) continue;
    const name = JSON.stringify([call.for.chain, call.for.run]);
    others.set(name, [call, ...(others.get(name) ?? [])]);
  }
  const ours = new Set(found.map(({ id }) => id));
  const parts = [...others.values()].map(async ([first, ...rest]): Promise<RunPart> => {
    const { chain, run } = (first as CallRecord).for;
    if (chain !== undefined && run !== undefined) {
      const steps = await stepsOf(store, chain, run);
      // A run that had this id before may have been a part of something else.
      return { run: runName(chain, run), steps: steps.filter(({ call }) => !call || ours.has(call.id)) };
    }
    return { run: undefined, steps: [first as CallRecord, ...rest].map(callOutsideRun) };
  });
  return [own, ...(await Promise.all(parts)).sort((a, b) => beginOf(a) - beginOf(b))];
}

const beginOf = ({ steps: [first] }: RunPart): number => first?.call?.intendedAt ?? first?.endedAt ?? 0;
