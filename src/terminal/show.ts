import type { Run } from "../chain/run.ts";
import { CallAbortedError, CallTimeoutError, type CancelOutcome } from "../errors/giving-up.ts";
import { live } from "./live.ts";
import { type CallProgress, Progress } from "./progress.ts";
import { progressTable } from "./progress-table.ts";
import { columnsOf, nameText, type Output } from "./text.ts";

export interface ShowOptions {
  /** @default process.stdout */
  readonly output?: Output;
  /**
   * What the other side received, such as an emulator's jobs: then the table shows those tags, and says so. Without
   * it the table shows the tags that were sent.
   */
  readonly received?: () => Iterable<Received> | undefined | Promise<Iterable<Received> | undefined>;
}

export interface Received {
  readonly requestId: string;
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * Draws a run while it works, then what became of cancelled calls, then the table of what each call did and cost. Gives
 * the run's output, or throws what awaiting it throws, once the table is drawn.
 */
export async function showRun<O>(run: Run<O>, options: ShowOptions = {}): Promise<O> {
  const { output = process.stdout } = options;
  const progress = new Progress();
  await live(run.events(), progress, output).catch(() => {
    // The run itself throws it, below.
  });

  const { sent, total, error } = progress;
  await writeCancels([...progress.calls.values()], output);
  const received = await options.received?.();
  if (received) showReceivedTags(sent, received);
  if (sent.length > 0) {
    output.write(`\n${progressTable(sent, { output, total, runError: error })}\n`);
    if (received) output.write("The tags are those that the emulator received.\n");
  }
  return run;
}

/** One line for each call that was given up, as soon as it is known what became of it. */
async function writeCancels(calls: readonly CallProgress[], output: Output): Promise<void> {
  const givenUp = calls.flatMap((call) => {
    const { step, error } = call;
    return error instanceof CallAbortedError || error instanceof CallTimeoutError
      ? [{ call, step, error }]
      : [];
  });
  const width = Math.max(...givenUp.map(({ step }) => columnsOf(step)));
  await Promise.all(
    givenUp.map(async ({ call, step, error }) => {
      call.cancel = await error.cancel;
      output.write(`${step}${" ".repeat(width - columnsOf(step))}  ${CANCELLED[call.cancel]}\n`);
    }),
  );
}

const CANCELLED: Record<CancelOutcome, string> = {
  "in-time": "cancelled before it ran",
  requested: "asked to stop; it may still finish and be billed",
  "too-late": "had completed before it could be cancelled",
  "not-sent": "was not sent, so there is nothing to cancel",
  unknown: "may or may not be cancelled; look at it in fal's dashboard",
};

function showReceivedTags(calls: readonly CallProgress[], received: Iterable<Received>): void {
  const tagsOf = new Map([...received].map(({ requestId, tags }) => [nameText(requestId), tags]));
  for (const call of calls) call.tags = tagsOf.get(call.requestId ?? "") ?? {};
}
