import type { RunInfo, RunStep } from "../../index.ts";

export const stepsInDoubt = (steps: readonly RunStep[]): RunStep[] =>
  steps.filter(
    ({ call, replaced }) =>
      call && !replaced && !call.ticket && ["ambiguous", "intended"].includes(call.state),
  );

/** The step that a blocked run waits for: the one that it named, else another one that is in doubt as well. */
export function stepInDoubt({ error }: RunInfo, steps: readonly RunStep[]): RunStep | undefined {
  const open = stepsInDoubt(steps);
  return open.find(({ call }) => call?.id === error?.facts?.["callId"]) ?? open[0];
}
