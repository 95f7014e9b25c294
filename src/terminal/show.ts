import { CallAbortedError, type CancelOutcome } from "../base/errors.ts";
import type { Run, RunEvent } from "../chain/run.ts";
import type { Total } from "../ledger/cost.ts";
import { live, type Output } from "./live.ts";
import { Progress } from "./progress.ts";
import { callTable } from "./table.ts";

/**
 * Draws a run while it works, then the table of what it did and what that cost. Gives the run's output, or throws what
 * awaiting it throws, once the table is drawn.
 *
 * @param output @default process.stdout
 */
export async function showRun<O>(run: Run<O>, output: Output = process.stdout): Promise<O> {
  const progress = new Progress();
  const cancels: Promise<string>[] = [];
  let total: Total | undefined;

  async function* noted(): AsyncGenerator<RunEvent> {
    for await (const event of run.events()) {
      if (event.type === "settled") total = event.total;
      if (event.type === "call-failed" && event.error instanceof CallAbortedError) {
        const { step } = event.call;
        cancels.push(event.error.cancel.then((outcome) => `${step}: ${CANCELLED[outcome]}`));
      }
      yield event;
    }
  }

  await live(noted(), progress, output).catch(() => {
    // The run itself throws it, below.
  });
  for (const line of await Promise.all(cancels)) output.write(`${line}\n`);
  if (progress.calls.size > 0) output.write(`\n${callTable(progress.calls.values(), total)}\n`);
  return run;
}

const CANCELLED: Record<CancelOutcome, string> = {
  "in-time": "cancelled before it ran",
  requested: "fal was asked to stop it; it may still finish and be billed",
  "too-late": "it had completed before it could be cancelled",
  "not-sent": "nothing was sent, so there was nothing to cancel",
  unknown: "it is not known whether it was cancelled; look at its request in fal's dashboard",
};

/**
 * Runs `fn` with a signal that Ctrl-C (SIGINT) and SIGTERM abort, saying so. A second one ends the process at once.
 */
export async function untilInterrupted<T>(
  fn: (signal: AbortSignal) => Promise<T>,
  output: Output = process.stderr,
): Promise<T> {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(130);
    output.write(`\n${name}: cancelling what is still running. Once more to leave at once.\n`);
    controller.abort(new Error(name));
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  try {
    return await fn(controller.signal);
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}
