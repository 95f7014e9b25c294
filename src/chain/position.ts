import { asyncContext, runWith } from "../base/async-context.ts";
import type { Code } from "./attempt.ts";
import { within } from "./step-key.ts";

/** Where in a run the current code is. */
export interface Position {
  readonly code: Code;
  /** Scopes from the outside in, such as `/hero/map[3]`; empty outside of any. */
  readonly scope: string;
}

const current = asyncContext<Position>("position");

export const currentPosition = (): Position | undefined => current.get();
export const atPosition = <R>(position: Position, fn: () => R): R => current.run(position, fn);

/** Runs `fn` in a scope of its own: its calls' keys do not depend on what runs beside it. */
export function inScope<R>(name: string, fn: () => R): R {
  const position = current.get();
  return position ? runWith(current, { ...position, scope: within(position.scope, name) }, fn) : fn();
}
