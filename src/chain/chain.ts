import type { UserTags } from "../attribution/tags.ts";
import { anything, checkName, checkOptions, type OptionsOf, oneOf, record, signal } from "../base/options.ts";
import { lostRun, mayHaveLostRun } from "../calls/enclosing-run.ts";
import { REUSE, type Reuse } from "../calls/options.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { runName } from "../journal/run-name.ts";
import type { Budget } from "../money/budget.ts";
import { type Attempt, assertOpen } from "./attempt.ts";
import { modeFor, RETRY_FAILED, type RetryFailed } from "./mode.ts";
import type { RunPlan } from "./plan.ts";
import { currentPosition } from "./position.ts";
import { answerAsRun, HANDLE, type HandleOptions } from "./request.ts";
import { type Run, runLater, type StartedRun } from "./run.ts";
import { findRun, type RunHandle } from "./run-handle.ts";
import type { RunScope } from "./run-scope.ts";
import { beginInner, beginRun, detachAll, type RunsHere, runsHere } from "./runs-here.ts";
import { type NotSerialisable, type Saved, toJson } from "./saved.ts";
import type { ChainServices } from "./services.ts";
import { checkedBudget, checkId, idForNow, startWithNow } from "./start-with.ts";

export interface ResumeOptions {
  /** Cancels the run. */
  readonly abortSignal?: AbortSignal;
  /**
   * What to do where the code makes a call that an earlier execution did not, while paid calls of the same endpoint are
   * left over: refuse with a RunDivergedError, or pay. @default "throw"
   */
  readonly onDiverge?: "throw" | "pay";
  /** What the run may cost. It is kept with the run, and one that is given later takes its place. @default no limit */
  readonly budget?: Budget;
  /**
   * What to do with a run that has failed. `false`: give its error again. `true`: go on from a failure that cost nothing and
   * may pass, which is a budget or an account without money, or one that is `retryable` and not `billed`; any other is given
   * again. `"billed"`: go on from any failure, and pay once more for what was billed. What is paid for is reused in any
   * case.
   *
   * @default false for `start`, "billed" for `resume`
   */
  readonly retryFailed?: RetryFailed;
}

export interface StartOptions extends ResumeOptions {
  /**
   * With the chain's name it is the run's identity: starting the same id again is the same run.
   *
   * @default within a run one that follows from where in it this is, so that a resumed run finds it again; else random
   */
  readonly id?: string;
  /** Up to five tags of your own, on every call of the run. */
  readonly tags?: UserTags;
}

/** A named async function whose calls are durable, as far as the client's store is. */
export interface Chain<I, O> {
  readonly name: string;
  /**
   * Starts a run, or picks up the one that has this id: one that runs elsewhere is observed, and taken over if its
   * process is gone; one that was interrupted goes on without paying again; one that has ended gives its output or its error
   * again.
   *
   * @throws {InvalidArgumentError} for a bad id, tag or input. The run rejects with a {RunInputMismatchError} when the id
   * belongs to a run with another input.
   */
  start(
    ...args: undefined extends I ? [input?: I, options?: StartOptions] : [input: I, options?: StartOptions]
  ): Run<O>;
  /** Goes on with a run that exists, a failed one from the step that it failed with: see `retryFailed`. */
  resume(id: string, options?: ResumeOptions): Run<O>;
  /**
   * A run to be read only, with the types of its chain, in any process that has its store: nothing is executed, claimed or
   * paid for it.
   *
   * @returns undefined where there is no such run. @throws {InvalidArgumentError} for an id that is none.
   * @example
   * const run = await poster.get("order-1042");
   * if (run?.state === "completed") console.log(run.output, run.total);
   */
  get(id: string): Promise<RunHandle<[I] extends [never] ? unknown : I, O> | undefined>;
}

export interface ChainOptions {
  /**
   * Whether its calls may be given the results of equal ones that were paid for in other runs. A call's own `reuse` adds to it;
   * runs of other chains that are started within have their own.
   *
   * @default what the client says
   */
  readonly reuse?: Reuse | false;
}
const CHAIN: OptionsOf<ChainOptions> = { reuse: REUSE };

export type DefineChain = <I, O>(
  name: string,
  fn: ((input: I, run: RunScope) => O | PromiseLike<O>) &
    ([I] extends [Saved<I>] ? unknown : NotSerialisable),
  options?: ChainOptions,
) => Chain<I, Saved<O>>;

export interface Chains {
  readonly define: DefineChain;
  readonly byName: ReadonlyMap<string, Chain<never, unknown>>;
  /** Resumes a run of a chain that there is, once something else is over. */
  resumeAfter(chain: string, id: string, after: Promise<void>): StartedRun<unknown>;
  /** Runs `fn` as the run of an incoming request. @param id Undefined: none that any other request has. */
  handle<R>(
    chain: string,
    id: string | undefined,
    fn: (run: RunScope) => R | PromiseLike<R>,
    options?: HandleOptions,
  ): Promise<R>;
  /** Stops executing every run that is under way here, and leaves it to whoever resumes it. */
  detach(): Promise<void>;
}

/** @param services Asked at each start, since a chain is often defined before its client is configured. */
export function createChains(services: () => ChainServices): Chains {
  const here = runsHere(services);
  const byName = new Map<string, Chain<never, unknown>>();
  const codes = new Map<string, Code>();
  return {
    byName,
    define(name, fn, options = {}) {
      checkOptions(options, CHAIN, { of: "chain" });
      const code = { code: fn as unknown as RunPlan["code"], reuse: options.reuse };
      const chain = chainOf(here, name, code);
      if (byName.has(name) && codes.get(name)?.code !== code.code) sayTaken(here, name);
      byName.set(name, chain);
      codes.set(name, code);
      // biome-ignore lint/suspicious/noExplicitAny: what its function takes and gives, only the caller knows
      return chain as unknown as Chain<any, any>;
    },
    resumeAfter(chain, id, after) {
      const code = codes.get(chain) as Code;
      const plan = { mode: "resume", chain, id, ...code, startWith: undefined, onDiverge: "throw" } as const;
      return beginRun(here, { ...plan, abortSignals: [], after });
    },
    handle(chain, id, fn, options = {}) {
      checkOptions(options, HANDLE, { of: "handle" });
      if (!options.mayForget) warnOfForgetting(here, id === undefined ? "of a request" : runName(chain, id));
      return answerAsRun(here, chain, id, fn, options);
    },
    detach: () => detachAll(here),
  };
}

/** The id, the tags and the budget are checked more closely where they are used. */
const RESUME: OptionsOf<ResumeOptions> = {
  abortSignal: signal,
  onDiverge: oneOf(["throw", "pay"]),
  budget: record,
  retryFailed: RETRY_FAILED,
};
const START: OptionsOf<StartOptions> = { ...RESUME, id: anything, tags: record };
const NOT_STARTED = "Nothing was started.";

/** A chain's function, and what is said of it. */
type Code = Pick<RunPlan, "code" | "reuse">;

function chainOf(here: RunsHere, name: string, { code, reuse }: Code): Chain<never, unknown> {
  if (typeof name !== "string" || name.trim() === "") {
    throw new InvalidArgumentError("A chain needs a name: it is what its costs are listed under.");
  }
  checkName("A chain's name", name);
  if (typeof code !== "function") {
    throw new InvalidArgumentError(`The chain ${name} needs a function: what it does.`);
  }
  const common = ({ onDiverge = "throw", abortSignal, budget }: ResumeOptions) => ({
    ...{ chain: name, code, reuse, onDiverge },
    abortSignals: abortSignal ? [abortSignal] : [],
    budget: checkedBudget(budget),
  });
  return {
    name,
    start(...args: [input?: unknown, options?: StartOptions]) {
      const [input, options = {}] = args;
      checkOptions(options, START, { of: "start", so: NOT_STARTED });
      if (args.length === 1) checkIsInput(name, code, input);
      const outer = currentPosition()?.code;
      if (outer) assertOpen(outer, `The run of ${name}`);
      if (mayHaveLostRun()) tellLost(here, name, options.id);
      const json = toJson(input, "input");
      const { id = idForNow(name, json), tags = {} } = options;
      const isInner = outer !== undefined && options.id === undefined;
      checkId(id);
      const startWith = startWithNow(json, tags, here.services().jobId(), isInner);
      if (options.id !== undefined) warnOfForgetting(here, `${name}/${id}`);
      const plan: RunPlan = {
        ...common(options),
        mode: modeFor(options.retryFailed, "start"),
        id,
        startWith,
      };
      const begin = (attempt?: Attempt) =>
        attempt && isInner ? beginInner(here, attempt, plan) : beginRun(here, plan).run;
      if (!outer || outer.attempt) return begin(outer?.attempt);
      return runLater(
        plan,
        outer.withAttempt(async (attempt) => ({ run: begin(attempt) })),
      );
    },
    resume(id, options = {}) {
      checkId(id);
      checkOptions(options, RESUME, { of: "resume", so: NOT_STARTED });
      const mode = modeFor(options.retryFailed, "resume");
      return beginRun(here, { ...common(options), mode, id, startWith: undefined }).run;
    },
    async get(id) {
      checkId(id);
      return findRun(here.services(), { chain: name, id });
    },
  };
}

/**
 * `start({ id: "order-1042" })` of a chain that takes no input would be a run with a random id, which is paid for each
 * time.
 */
function checkIsInput(name: string, code: RunPlan["code"], input: unknown): void {
  if (code.length > 0 || typeof input !== "object" || input === null) return;
  const names = Object.keys(input);
  if (names.length === 0 || !names.every((given) => Object.hasOwn(START, given))) return;
  throw new InvalidArgumentError(
    `${name} takes no input, and { ${names.join(", ")} } reads like options. Write start(undefined, { … }), or ` +
      `start({ … }, {}) where it is the input. ${NOT_STARTED}`,
  );
}

/** With an id it is found again wherever it is started, and is not paid for twice. Said once. */
function tellLost(here: RunsHere, chain: string, id: string | undefined): void {
  const lost = lostRun(`A start of ${chain}${id === undefined ? "" : `/${id}`}`);
  if (id === undefined) throw lost;
  if (here.hasWarnedOfLost) return;
  here.hasWarnedOfLost = true;
  here.services().report("It is started as a run by itself, which adds to no other run's budget", lost);
}

/**
 * Two chains of one name have each other's runs: what one of them has paid for is given to the other. No error, since a
 * module that is loaded anew defines its chains anew. Said once for each name.
 */
function sayTaken({ services, saidTaken }: RunsHere, name: string): void {
  if (saidTaken.has(name)) return;
  saidTaken.add(name);
  services().report(
    `The chain ${name} is defined a second time, with another function`,
    new Error(
      "runs are found by the chain's name and their id, so each of the two would go on with the other's runs, and " +
        "resumeAll and workers take the later one. Give each a name of its own, and define a chain once, outside of what " +
        "is called for each request. A module that was loaded anew may ignore this",
    ),
  );
}

/** Whoever names a run means it to be found again. Said once. */
function warnOfForgetting(here: RunsHere, run: string): void {
  const { store, isStoreUnsaid, report } = here.services();
  if (here.hasWarned || store.durable || !isStoreUnsaid()) return;
  here.hasWarned = true;
  report(
    `The run ${run} is kept in memory`,
    new Error(
      "after this process its id is forgotten, and starting it again pays again. Set FAL_CHAIN_STORE, or pass " +
        "createFal({ store }).",
    ),
  );
}
