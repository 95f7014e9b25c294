import { atPlace, currentPlace, withinPlace } from "../calls/enclosing-run.ts";
import type { Code } from "./attempt.ts";
import { within } from "./step-key.ts";

/** Where in a run the current code is. */
export interface Position {
  readonly code: Code;
  /** Scopes from the outside in, such as `/hero/map[3]`; empty outside of any. */
  readonly scope: string;
}

/** Nobody but a chain says where its code is. */
export const currentPosition = (): Position | undefined => currentPlace() as Position | undefined;
export const atPosition: <R>(position: Position, fn: () => R) => R = atPlace;

/** Runs `fn` in a scope of its own: its calls' keys do not depend on what runs beside it. */
export function inScope<R>(name: string, fn: () => R): R {
  const position = currentPosition();
  return position ? withinPlace({ ...position, scope: within(position.scope, name) }, fn) : fn();
}
