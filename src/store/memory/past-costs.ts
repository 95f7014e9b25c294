import type { CallRecord } from "../../journal/call.ts";
import { type PastCost, TOLD_OF_A_KIND } from "../../journal/kind.ts";

/** Kinds of which it is remembered what they cost, the one charged longest ago out first. */
const MOST_KINDS = 10_000;

/** By kind, and by call. */
export type PastCosts = Map<string, Map<string, PastCost & { readonly at: number }>>;

/** What a call has cost outlives the call, as far as it tells what others of its kind will. */
export function learn(past: PastCosts, { id, kind, cost, state, intendedAt: at }: CallRecord): void {
  if (!kind || state !== "completed" || !cost || cost.source === "unknown") return;
  const { name, amount, characters } = kind;
  const known = past.get(name) ?? new Map();
  known.set(id, { nanoUsd: cost.nanoUsd, amount, characters, at });
  past.delete(name);
  past.set(name, known);
  if (known.size > TOLD_OF_A_KIND) known.delete(oldestOf(known));
  for (const oldest of past.keys()) {
    if (past.size <= MOST_KINDS) break;
    past.delete(oldest);
  }
}

function oldestOf(known: ReadonlyMap<string, { readonly at: number }>): string {
  const [first = "", ...rest] = known.keys();
  const at = (id: string) => known.get(id)?.at ?? 0;
  return rest.reduce((oldest, id) => (at(id) < at(oldest) ? id : oldest), first);
}

export const pastCosts = (past: PastCosts, kind: string): PastCost[] =>
  [...(past.get(kind)?.values() ?? [])]
    .reverse()
    .sort((a, b) => b.at - a.at)
    .map(({ at: _, ...cost }) => cost);
