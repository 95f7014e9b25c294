import type { CallRecord } from "../journal/call.ts";
import type { RunPart } from "./parts.ts";
import { scopesIn } from "./step-key.ts";
import type { RunStep } from "./steps.ts";

/** A line of a run's tree: what stands on it, and how deep. */
export interface TreeLine {
  readonly depth: number;
  /** Whether another line of the same depth follows, for this depth and each one above it, from the outside in. */
  readonly follows: readonly boolean[];
  /** A run or a scope, above what is in it; undefined for a step. */
  readonly group: string | undefined;
  /** Undefined for a group. */
  readonly step: RunStep | undefined;
  /** The step's call, or those in the group. */
  readonly calls: readonly CallRecord[];
}

interface Group {
  readonly name: string;
  readonly groups: Map<string, Group>;
  readonly children: (Group | RunStep)[];
}

const group = (name: string): Group => ({ name, groups: new Map(), children: [] });

/** The parts of a run, each with its scopes and steps in the order in which they came to be. */
export function treeLines(parts: readonly RunPart[]): TreeLine[] {
  const [only, another] = parts;
  const top = group("");
  // A run that stands alone needs no line of its own.
  for (const { run, steps } of parts) {
    const of = only && !another ? top : inside(top, nameOf(run, only?.run));
    for (const step of steps) {
      const scopes = scopesIn(step.scope);
      scopes.reduce(inside, of).children.push(step);
    }
  }
  return linesOf(top, []);
}

/** The name of a run within another one has that one's name in it, which stands above already. */
const nameOf = (run: string | undefined, outer = ""): string =>
  run === undefined ? "outside of a run" : run === outer ? run : run.replace(`/${outer}`, "/…");

function inside(outer: Group, name: string): Group {
  const known = outer.groups.get(name);
  if (known) return known;
  const fresh = group(name);
  outer.groups.set(name, fresh);
  outer.children.push(fresh);
  return fresh;
}

function linesOf({ children }: Group, above: readonly boolean[]): TreeLine[] {
  return children.flatMap((child, nth): TreeLine[] => {
    const follows = [...above, nth < children.length - 1];
    const at = { depth: above.length, follows };
    if ("children" in child) {
      return [
        { ...at, group: child.name, step: undefined, calls: callsIn(child) },
        ...linesOf(child, follows),
      ];
    }
    return [{ ...at, group: undefined, step: child, calls: callsOf(child) }];
  });
}

const callsIn = ({ children }: Group): CallRecord[] =>
  children.flatMap((child) => ("children" in child ? callsIn(child) : callsOf(child)));

const callsOf = ({ call }: RunStep): CallRecord[] => (call ? [call] : []);
