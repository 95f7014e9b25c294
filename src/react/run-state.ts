import type { NumberedEvent, RunCall, Total } from "../index.ts";
import { after, type CallState, IDLE } from "./call-store.ts";

/** A call of a run, as a page shows it. */
export type RunStep = RunCall & CallState<unknown>;

/** How a run stands, as a page shows it. */
export interface RunState<O> {
  readonly status: "idle" | "connecting" | "running" | "completed" | "failed";
  /** Whether something is still to come: what calls cost comes after the output. */
  readonly isPending: boolean;
  /** In the order in which they began. */
  readonly steps: readonly RunStep[];
  readonly output: O | undefined;
  /** What the run failed with, as the server told it; or that its events are not to be had. */
  readonly error: unknown;
  /** What it cost, once that is known. */
  readonly total: Total | undefined;
  /** The number of the last event. */
  readonly seq: number;
}

export const NO_RUN: RunState<never> = Object.freeze({
  status: "idle",
  isPending: false,
  steps: [],
  output: undefined,
  error: undefined,
  total: undefined,
  seq: -1,
});

/** What a run's event makes of what was known. One that comes again changes nothing. */
export function afterEvent<O>(state: RunState<O>, event: NumberedEvent<O>): RunState<O> {
  const { seq } = event;
  if (seq <= state.seq) return state;
  return { ...state, ...changedBy(state, event), seq };
}

function changedBy<O>(state: RunState<O>, event: NumberedEvent<O>): Partial<RunState<O>> {
  switch (event.type) {
    case "started":
    case "resumed":
      return { status: "running", isPending: true, error: undefined, total: undefined };
    case "call":
      return { steps: withStep(state.steps, event.call, (step) => after(step, event.event)) };
    case "call-failed": {
      const { error } = event;
      return {
        steps: withStep(state.steps, event.call, (step) => ({
          ...step,
          status: "failed",
          isPending: false,
          error,
        })),
      };
    }
    case "completed":
      return { status: "completed", output: event.output };
    case "failed":
      return { status: "failed", error: event.error };
    case "settled":
      return { isPending: false, total: event.total };
    default:
      return {};
  }
}

function withStep(
  steps: readonly RunStep[],
  call: RunCall,
  change: (step: CallState<unknown>) => CallState<unknown>,
): readonly RunStep[] {
  const known = steps.some(({ id }) => id === call.id);
  const all: readonly RunStep[] = known
    ? steps
    : [...steps, { ...IDLE, status: "submitting", isPending: true, ...call }];
  return all.map((step) => (step.id === call.id ? { ...step, ...change(step) } : step));
}
