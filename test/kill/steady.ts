import { createFal } from "fal-chain";
import type { Emulator } from "fal-chain/emulator";
import type { ChildOptions, Said } from "./child.ts";
import { judged, type Outcome, spawnChild, submitsOf } from "./rounds.ts";
import { storeAt } from "./stores.ts";

export interface SteadyOptions extends Omit<ChildOptions, "killAt" | "stopAt"> {
  readonly env: Readonly<Record<string, string>>;
  readonly emulator: Emulator;
  /** Milliseconds from the beginning of its runs to the death of a process. */
  readonly lifeMs: number;
}

export interface SteadyOutcome extends Outcome {
  /** From its first start to its end, in milliseconds; what settles it in doubt is a part of that. */
  readonly tookMs: number;
  /** How often somebody had to say what a submit of it was. */
  readonly settled: number;
}

/** A run that has no end by then will not have one. */
const LONGEST_MS = 600_000;

/**
 * Some runs in one process, which is killed after a time, as is the next one that goes on with them, and so on until all of them
 * have ended. A run that is blocked is settled as the emulator knows it.
 *
 * @param killed Told of each death.
 */
export async function steady(options: SteadyOptions, killed: () => void): Promise<SteadyOutcome[]> {
  const { env, emulator, lifeMs, runs, ...rest } = options;
  const began = Date.now();
  const ended = new Map<string, Said & { readonly tookMs: number }>();
  const settled = new Map<string, number>();
  let error = "";
  while (ended.size < runs.length && Date.now() - began < LONGEST_MS) {
    const left = runs.filter((run) => !ended.has(run));
    const child = spawnChild({ ...rest, runs: left }, env);
    const doubtful: Said[] = [];
    let timer: NodeJS.Timeout | undefined;
    child.onLine((line) => {
      if ("begun" in line) timer = setTimeout(() => child.kill(), lifeMs);
      if (!("end" in line)) return;
      const { end } = line as { end: Said };
      if (end.state === "blocked") doubtful.push(end);
      else ended.set(end.run, { ...end, tookMs: Date.now() - began });
    });
    const how = await child.closed;
    clearTimeout(timer);
    error = how.error || error;
    if (how.signal === "SIGKILL") killed();
    for (const said of doubtful) {
      await settle(options, said);
      settled.set(said.run, (settled.get(said.run) ?? 0) + 1);
    }
  }
  return runs.map((run) => {
    const end = ended.get(run) ?? {
      run,
      state: "failed",
      error: error || "no end",
      tookMs: Date.now() - began,
    };
    const counted = judged(submitsOf(emulator, run), end.state === "done");
    return { ...counted, ...end, settled: settled.get(run) ?? 0 } as SteadyOutcome;
  });
}

/** As a person does who sees what fal has. */
async function settle({ env, emulator, store }: SteadyOptions, { callId = "" }: Said): Promise<void> {
  const opened = storeAt(store);
  const fal = createFal({ env, store: opened, logger: { warn() {} } });
  try {
    const call = await opened.calls.get(callId);
    const taken = new Set(
      (await opened.calls.list({ limit: 100_000 })).map(({ ticket }) => ticket?.requestId),
    );
    const lost = emulator.jobs.find(
      ({ requestId, endpoint, input }) =>
        !taken.has(requestId) && endpoint === call?.endpoint && JSON.stringify(input) === call.body,
    );
    await fal.calls.settle(callId, lost ? { adopt: lost.requestId } : "resubmit");
  } finally {
    await fal.close();
    await opened.close();
  }
}
