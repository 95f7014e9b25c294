import { type Clock, inTime, systemClock } from "../base/clock.ts";
import {
  aClock,
  callback,
  checkOptions,
  either,
  milliseconds,
  number,
  type OptionsOf,
  record,
} from "../base/options.ts";
import { abortable, DELIBERATE_MS } from "../base/signal.ts";
import type { RunnerState } from "../environment/environment.ts";
import { type Closable, isServer, type Opened, openedServer } from "./closing.ts";
import type { Log } from "./context.ts";

/** What of a process the life of a runner needs. */
export interface RunnerProcess {
  env: Record<string, string | undefined>;
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
  exit(code: number): unknown;
}

export interface LifecycleOptions<S> {
  /** Loads what is needed, before the port opens. Its signal aborts when the runner is told to end before that. */
  readonly setup?: (start: { readonly signal: AbortSignal }) => S | PromiseLike<S>;
  /** Opens the port: gives Node's server, once it listens, or what is to be done at the end. */
  readonly open: (state: S) => Opened | Closable | PromiseLike<Opened | Closable>;
  /** Called at once when the runner is told to end, while requests go on. */
  readonly handleExit?: (state: S) => unknown;
  /** Called last, when no request is under way any more. */
  readonly teardown?: (state: S) => unknown;
  /** How long `setup` and `open` may take, in milliseconds: the app's `startup_timeout`. @default 600_000 */
  readonly startupTimeout?: number;
  /**
   * How long requests and teardown may take after SIGTERM, in milliseconds: the app's `termination_grace_period_seconds`,
   * which fal kills the process after. At most 30_000. @default 5_000
   */
  readonly gracePeriod?: number;
  /** Where the states of the runner are told. @default nowhere */
  readonly log?: Pick<Log, "info" | "error">;
  /** @default the process */
  readonly process?: RunnerProcess;
  readonly clock?: Clock;
}

/** https://fal.ai/docs/documentation/deployment/scale-your-application */
const MOST_GRACE_MS = 30_000;

const OPTIONS: OptionsOf<LifecycleOptions<unknown>> = {
  setup: callback,
  open: callback,
  handleExit: callback,
  teardown: callback,
  startupTimeout: milliseconds(1),
  gracePeriod: {
    what: "a number of milliseconds from 1 to 30000, which is as long as fal waits",
    is: (value) => number(1).is(value) && (value as number) <= MOST_GRACE_MS,
  },
  log: record,
  process: either(record, callback),
  clock: aClock,
};

/** A life, as far as it has come. */
interface Life<S> {
  readonly options: LifecycleOptions<S>;
  readonly process: RunnerProcess;
  readonly clock: Clock;
  /** Aborts when it is told to end. */
  readonly ending: AbortController;
  /** Resolves once it has started, or has not. */
  readonly started: PromiseWithResolvers<void>;
  state: { readonly of: S } | undefined;
  opened: Opened | undefined;
  exitCode: number;
  /** When it was told to end. */
  endsSince: number | undefined;
}

/**
 * The life of a runner as fal has it, around any server: `setup`, then the port; on SIGTERM `handleExit` at once, requests
 * finish within the grace period, what is left is let go, `teardown`, exit 0. Writes `FAL_RUNNER_STATE`: `SETUP`,
 * `RUNNING`, and `TERMINATING` just before `teardown`. A second signal, a second later or more, ends the process at once.
 * What nobody caught ends it in the same order, with exit code 1.
 *
 * @example
 * await lifecycle({ setup: loadModels, open: (models) => express(models).listen(8080), teardown: (models) => models.free() });
 * @returns once the port is open. A start that fails, or takes too long, ends the process with exit code 1.
 * @throws {InvalidArgumentError} for an option that cannot be meant.
 */
export async function lifecycle<S = undefined>(options: LifecycleOptions<S>): Promise<void> {
  checkOptions(options, OPTIONS, { of: "lifecycle" });
  const life: Life<S> = {
    options,
    process: options.process ?? (globalThis.process as unknown as RunnerProcess),
    clock: options.clock ?? systemClock,
    ending: new AbortController(),
    started: Promise.withResolvers(),
    ...{ state: undefined, opened: undefined, exitCode: 0, endsSince: undefined },
  };
  listen(life);
  try {
    await start(life);
    life.started.resolve();
  } catch (error) {
    life.started.resolve();
    // It is told to end: whoever waits here goes with the process.
    if (life.ending.signal.aborted) await new Promise<never>(() => {});
    options.log?.error({ err: error }, "The app could not start");
    life.exitCode = 1;
    life.endsSince = life.clock.now();
    await end(life);
    throw error;
  }
}

function enter<S>({ process, options }: Life<S>, state: RunnerState): void {
  process.env["FAL_RUNNER_STATE"] = state;
  options.log?.info({ state }, `Runner is ${state}`);
}

async function start<S>(life: Life<S>): Promise<void> {
  const { options, clock, ending } = life;
  const { setup, open, startupTimeout = 600_000 } = options;
  const late = new Error(
    `The app has not started within ${startupTimeout / 1_000} s. Have setup do less, or raise startup_timeout in ` +
      "pyproject.toml and startupTimeout here.",
  );
  enter(life, "SETUP");
  await inTime(clock, startupTimeout, late, async () => {
    const state = (await abortable(setUp(setup, ending.signal), ending.signal)) as S;
    life.state = { of: state };
    enter(life, "RUNNING");
    const opened = await open(state);
    life.opened = isServer(opened) ? openedServer(opened, clock) : opened;
  });
}

/** What throws at once throws as what throws later. */
const setUp = async <S>(setup: LifecycleOptions<S>["setup"], signal: AbortSignal): Promise<unknown> =>
  setup?.({ signal });

const SIGNALS = { SIGTERM: 15, SIGINT: 2 } as const;

function listen<S>(life: Life<S>): void {
  const { process, clock, options, started } = life;
  const begin = (why: object) => {
    if (life.endsSince !== undefined) return;
    life.endsSince = clock.now();
    options.log?.info(why, "Runner is told to end");
    life.ending.abort(new DOMException("The runner is told to end.", "AbortError"));
    void started.promise.then(() => end(life));
  };
  for (const [name, number] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      const isDeliberate = life.endsSince !== undefined && clock.now() - life.endsSince >= DELIBERATE_MS;
      if (isDeliberate) process.exit(128 + number);
      else begin({ signal: name });
    });
  }
  const onCrash = (error: unknown) => {
    options.log?.error({ err: error }, "Nobody caught an error: the runner ends");
    life.exitCode = 1;
    begin({});
  };
  process.on("uncaughtException", onCrash);
  process.on("unhandledRejection", onCrash);
}

/** What of the grace period requests may take; the rest is for letting go of runs, and for teardown. */
const FOR_REQUESTS = 0.7;
const FOR_LETTING_GO = 0.85;
/** Its last words are to arrive before fal kills the process. */
const FOR_ALL = 0.97;

/** Ends it, from wherever it has come to, once. */
async function end<S>(life: Life<S>): Promise<void> {
  const { options, process, opened, state } = life;
  const { handleExit, teardown, log } = options;
  const tell = (what: string, trouble: unknown) => {
    if (trouble !== undefined) log?.error({ err: trouble }, `${what} did not end well`);
    return trouble !== undefined;
  };
  if (state) {
    const drained = within(life, FOR_REQUESTS, () => opened?.drain());
    const handled = within(life, FOR_REQUESTS, () => handleExit?.(state.of));
    if (await drained) {
      log?.info({}, "What is still under way is left to the next runner");
    }
    tell("handleExit", await handled);
    tell("Letting go of runs", await within(life, FOR_LETTING_GO, () => opened?.letGo?.()));
    enter(life, "TERMINATING");
    if (tell("teardown", await within(life, FOR_ALL, () => teardown?.(state.of)))) life.exitCode = 1;
  }
  tell("Closing the port", await within(life, FOR_ALL, () => opened?.close()));
  log?.info({ exit_code: life.exitCode }, "Runner has ended");
  process.exit(life.exitCode);
}

/** @param share Of the grace period, from its beginning. @returns what it failed with; undefined where it was done by then. */
async function within<S>(
  { options, clock, endsSince }: Life<S>,
  share: number,
  act: () => unknown,
): Promise<unknown> {
  const { gracePeriod = 5_000 } = options;
  const left = (endsSince ?? clock.now()) + gracePeriod * share - clock.now();
  const late = new Error(`It takes longer than the grace period of ${gracePeriod} ms has room for.`);
  try {
    await inTime(clock, Math.max(left, 0), late, async () => act());
    return undefined;
  } catch (error) {
    return error ?? new Error("It failed without a reason.");
  }
}
