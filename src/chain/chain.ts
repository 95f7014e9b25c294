import { currentAttribution } from "../attribution/context.ts";
import { checkUserTags, type UserTags } from "../attribution/tags.ts";
import { OVER, whenAborted } from "../base/signal.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { RunBlockedError } from "../errors/runs.ts";
import { isSameStore, type Store } from "../journal/store.ts";
import { type Budget, checkBudget } from "../ledger/budget.ts";
import type { RunDeps, RunScope } from "./attempt.ts";
import { originNow } from "./origin.ts";
import { currentPosition } from "./position.ts";
import { type Run, type RunPlan, type StartedRun, startRun } from "./run.ts";
import type { NotSerialisable, Saved } from "./saved.ts";
import { toJson } from "./saved-json.ts";
import { shortHash } from "./short-hash.ts";
import { innerRunId, innerRunKey, startLabel } from "./step-key.ts";

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
   * Starts a run, or picks up the one that has this id: one that runs elsewhere is observed, and taken over if its owner
   * is gone; one that was interrupted goes on without paying again; one that has ended gives its output or its error
   * again.
   *
   * @throws {InvalidArgumentError} for a bad id, tag or input. The run rejects with a {RunInputMismatchError} when the id
   * belongs to a run with another input.
   */
  start(
    ...args: undefined extends I ? [input?: I, options?: StartOptions] : [input: I, options?: StartOptions]
  ): Run<O>;
  /** Goes on with a run that exists, a failed one from the step that it failed with. */
  resume(id: string, options?: ResumeOptions): Run<O>;
}

export type DefineChain = <I, O>(
  name: string,
  fn: ((input: I, run: RunScope) => O | PromiseLike<O>) &
    ([I] extends [Saved<I>] ? unknown : NotSerialisable),
) => Chain<I, Saved<O>>;

export interface Chains {
  readonly define: DefineChain;
  readonly byName: ReadonlyMap<string, Chain<never, unknown>>;
  /** Runs `fn` as the run of an incoming request. */
  handle<R>(chain: string, id: string, fn: () => R | PromiseLike<R>): Promise<R>;
  /** Lets go of every run that is under way here. */
  detach(): Promise<void>;
}

/** @param deps Asked at each start, since a chain is often defined before its client is configured. */
export function createChains(deps: () => RunDeps): Chains {
  const live = new Map<string, Begun>();
  const byName = new Map<string, Chain<never, unknown>>();
  let warned = false;

  const begin = (plan: RunPlan): StartedRun<unknown> => {
    const key = JSON.stringify([plan.chain, plan.id]);
    const known = live.get(key);
    if (known) {
      if (plan.start && plan.start.input !== known.input) return startRun(deps(), plan);
      const isStart = plan.start && !plan.retry;
      const goesOn = isStart ? known.failure instanceof RunBlockedError : known.failure !== undefined;
      if (!goesOn) return joined(known, plan);
    }
    // It has failed, and some of its calls are still on their way: they are to be noted before they are asked for again.
    const started = startRun(deps(), { ...plan, after: known?.run.total });
    const begun: Begun = { ...started, input: plan.start?.input };
    live.set(key, begun);
    begun.run.then(undefined, (error: unknown) => {
      begun.failure = error;
    });
    void begun.run.total.then(() => {
      if (live.get(key) === begun) live.delete(key);
    });
    return begun;
  };

  /** Whoever names a run means it to be found again. Said once. */
  const warnOfForgetting = ({ store, isStoreUnsaid, report }: RunDeps, run: string): void => {
    if (warned || store.durable || !isStoreUnsaid()) return;
    warned = true;
    report(
      `The run ${run} is kept in memory`,
      new Error(
        "after this process its id is forgotten, and starting it again pays again. Set FAL_CHAIN_STORE, or pass " +
          "createFal({ store }).",
      ),
    );
  };

  const define: DefineChain = (name, fn) => {
    if (name.trim() === "")
      throw new InvalidArgumentError("A chain needs a name: it is what its costs are listed under.");
    const common = ({ onDiverge = "throw", abortSignal, budget }: ResumeOptions) => ({
      chain: name,
      onDiverge,
      abortSignals: abortSignal ? [abortSignal] : [],
      budget: budgetJson(budget),
      execute: fn as unknown as RunPlan["execute"],
    });
    const chain: Chain<never, unknown> = {
      name,
      start(...args: [input?: unknown, options?: StartOptions]) {
        const [input, options = {}] = args;
        const { inside } = currentPosition() ?? {};
        inside?.assertOpen(`The run of ${name}`);
        const json = toJson(input, "input");
        const { id = idWithin(name, json) ?? crypto.randomUUID(), tags = {} } = options;
        const isInner = inside !== undefined && options.id === undefined;
        const start = checkedStart(json, id, tags, deps().jobId(), isInner);
        if (options.id !== undefined) warnOfForgetting(deps(), `${name}/${id}`);
        const plan = { ...common(options), id, start };
        if (!isInner) return begin(plan).run;

        // It is a part of the other one: cancelled and let go with it, and gone on with where that failed with it.
        const abortSignals = [...plan.abortSignals, inside.signal];
        const key = innerRunKey(name, id);
        const part = {
          abortSignals,
          detachSignal: inside.detached,
          outer: inside,
          retry: inside.retries(key),
        };
        const { run, isExecutedHere } = begin({ ...plan, ...part });
        run.catch((error: unknown) => inside.failedIn(key, error, !isExecutedHere()));
        return run;
      },
      resume(id, options = {}) {
        checkId(id);
        return begin({ ...common(options), id, start: undefined }).run;
      },
    };
    byName.set(name, chain);
    return chain as unknown as Chain<never, never>;
  };

  return {
    define,
    byName,
    async handle<R>(chain: string, id: string, fn: () => R | PromiseLike<R>): Promise<R> {
      const { keptIn, jobId } = deps();
      // It would wait for itself.
      if (isWithin(chain, id, keptIn)) return fn();
      const start = checkedStart(undefined, id, {}, jobId(), false);
      const plan = { chain, id, start, abortSignals: [], onDiverge: "pay", always: true } as const;
      // Not remembered: each request that carries this id executes its own code.
      return startRun<R>(deps(), { ...plan, execute: fn }).run;
    },
    async detach() {
      await Promise.all([...live.values()].map(({ run }) => run.detach()));
    },
  };
}

export function budgetJson(budget: Budget | undefined): string | undefined {
  if (budget) checkBudget(budget);
  return budget && JSON.stringify(budget);
}

interface Begun extends StartedRun<unknown> {
  readonly input: string | undefined;
  failure?: unknown;
}

/** Whoever starts what runs here already shares it, and what ends it for one ends it for all. */
function joined(begun: Begun, { abortSignals, detachSignal }: RunPlan): Begun {
  const over = new AbortController();
  for (const signal of abortSignals) {
    whenAborted(signal, over.signal, () => void begun.run.cancel(signal.reason));
  }
  if (detachSignal) whenAborted(detachSignal, over.signal, () => void begun.run.detach());
  void begun.run.total.then(() => over.abort(OVER));
  return begun;
}

/** Whether the current code belongs to this run, or to one that was started within it. */
function isWithin(chain: string, id: string, store: Store): boolean {
  const { inside } = currentPosition() ?? {};
  if (!inside || !isSameStore(inside.store, store)) return false;
  return [...inside.within, [inside.chain, inside.run]].some((run) => run[0] === chain && run[1] === id);
}

/**
 * The id of a run without one of its own, made of where it is started and with what: a random one would make a resumed run
 * start another one, and pay again. Undefined outside of any run.
 *
 * @param input JSON.
 */
export function idWithin(chain: string, input: string | undefined): string | undefined {
  const position = currentPosition();
  if (!position) return undefined;
  const { inside, scope } = position;
  const what = input === undefined ? "" : shortHash(input);
  const nth = inside.occurrence(startLabel(scope, chain, what));
  return innerRunId({ chain: inside.chain, run: inside.run, scope }, what, nth);
}

/**
 * What a run begins with here and now.
 *
 * @param input JSON.
 * @param inner Whether it has no id of its own.
 * @throws {InvalidArgumentError} for a bad id or tag.
 */
export function checkedStart(
  input: string | undefined,
  id: unknown,
  tags: UserTags,
  jobId: string | undefined,
  inner: boolean,
): NonNullable<RunPlan["start"]> {
  checkId(id);
  const all = { ...currentAttribution().tags, ...tags };
  checkUserTags(all);
  return { input, tags: textTags(all), origin: originNow(jobId, inner) };
}

function checkId(id: unknown): void {
  if (typeof id === "string" && id.trim() !== "" && id.isWellFormed()) return;
  throw new InvalidArgumentError("A run's id is a text that is not empty. Leave it out for a random one.");
}

const textTags = (tags: UserTags): Record<string, string> =>
  Object.fromEntries(
    Object.entries(tags).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]])),
  );
