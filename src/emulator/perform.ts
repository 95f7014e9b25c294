import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import type { Clock } from "../base/clock.ts";
import { headersForRunner } from "../gateway/headers.ts";
import { type Model, type ModelContext, ModelFailure, type ModelRun } from "../model/model.ts";
import { randomFrom } from "../model/random.ts";
import { loadFile } from "./download.ts";
import { appOf } from "./endpoint.ts";
import type { FileStore } from "./files.ts";
import type { Job, Outcome } from "./job.ts";
import { failureOutcome, refusalOutcome, successOutcome } from "./outcomes.ts";
import { log } from "./requests.ts";
import { parseInput } from "./validation.ts";

/** A refusal takes a moment too: nobody should come to rely on it being there at once. */
const REFUSAL_MS = 120;

/** A reason for stopping that nobody sees; making an AbortError each time costs more than the rest of a small run. */
const OVER = "over";

export interface PerformOptions {
  readonly modelFor: (endpoint: string) => Model | undefined;
  readonly clock: Clock;
  readonly files: FileStore;
  readonly seed: number;
  /** How long running takes, as a share of the usual. */
  readonly timeScale: number;
  readonly fetch: typeof fetch | undefined;
}

/** Runs the stand-in of a job that has just started: the work itself, spread over a plausible time. */
export function createPerformer(options: PerformOptions): (job: Job) => Promise<Outcome> {
  const { clock, timeScale } = options;
  return async (job) => {
    const startedAt = clock.now();
    const model = options.modelFor(job.endpoint);
    if (!model) return failureOutcome(500, "internal_error", `No stand-in serves ${job.endpoint}`);
    try {
      const input = parseInput(model.input, job.input);
      const seconds = secondsOf(model, job, options.seed);
      const lengthMs = seconds * 1000 * timeScale;
      const context = contextOf(job, seconds, options);
      const outcome = async () => {
        if (job.fate) return job.fate;
        return successOutcome(await runOf(model, job, input, context));
      };
      const told = [model.notice, ...model.stages(input)];
      return await paced(outcome, told, context, { startedAt, lengthMs });
    } catch (error) {
      if (job.stop.signal.aborted) throw error;
      await clock.sleep(startedAt + REFUSAL_MS * timeScale - clock.now(), job.stop.signal);
      if (error instanceof ModelFailure) return refusalOutcome(error);
      const why = error instanceof Error ? error.message : String(error);
      return failureOutcome(500, "internal_error", `The stand-in for ${job.endpoint} broke: ${why}`);
    }
  };
}

/** Does the work in the way that was asked for. */
function runOf<I>(model: Model<I>, { direct }: Job, input: I, context: ModelContext): Promise<ModelRun> {
  const tell = direct?.onEvent;
  if (tell && direct.isRealtime && model.realtime)
    return answeredAtOnce(model.realtime(input, context), tell);
  const events = tell && model.stream?.(input, context);
  return events ? streamed(events, tell, context) : model.run(input, context);
}

async function answeredAtOnce(run: Promise<ModelRun>, tell: (event: unknown) => void): Promise<ModelRun> {
  const { output, ...rest } = await run;
  tell(output);
  return { ...rest, output: withTexts(output) };
}

async function streamed(
  events: AsyncGenerator<unknown, ModelRun, void>,
  tell: (event: unknown) => void,
  { signal }: ModelContext,
): Promise<ModelRun> {
  for (;;) {
    const { done, value } = await events.next();
    signal.throwIfAborted();
    if (done) return value;
    tell(value);
  }
}

/** What JSON can keep: bytes as base64. */
const withTexts = (output: unknown): unknown =>
  JSON.parse(
    JSON.stringify(output, (_, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value,
    ),
  );

/** The same input takes the same time in every emulator with the same seed. */
function secondsOf(model: Model, job: Job, seed: number): number {
  const [least, most] = model.takes;
  const share = randomFrom(seed, "seconds", model.id, JSON.stringify(job.input))();
  return Math.round((least + share * (most - least)) * 1000) / 1000;
}

/** The work runs beside its timetable, so that a virtual clock always has the timetable to stop at. */
async function paced<T>(
  work: () => Promise<T>,
  lines: readonly string[],
  context: ModelContext,
  { startedAt, lengthMs }: { readonly startedAt: number; readonly lengthMs: number },
): Promise<T> {
  const broken = new AbortController();
  const signal = AbortSignal.any([context.signal, broken.signal]);

  const timetable = async () => {
    for (const [i, line] of lines.entries()) {
      context.log(line);
      const due = startedAt + (lengthMs * (i + 1)) / lines.length;
      await context.clock.sleep(due - context.clock.now(), signal);
    }
  };

  try {
    const [, done] = await Promise.all([timetable(), work()]);
    return done;
  } finally {
    broken.abort(OVER);
  }
}

function contextOf(job: Job, seconds: number, { clock, files, fetch }: PerformOptions): ModelContext {
  const { signal } = job.stop;
  return {
    headers: headersForRunner({ ...job, owner: appOf(job.endpoint).split("/").at(-2) }),
    random: job.random,
    seconds,
    clock,
    signal,
    storeFile: (bytes, name, contentType) => `${job.filesBase}${files.put(bytes, name, contentType)}`,
    loadFile: (url) => loadFile(url, { files, fetch, signal }),
    log: (message) => log(job, message, clock.now()),
    async breathe() {
      await turnOfTheLoop();
      signal.throwIfAborted();
    },
  };
}
