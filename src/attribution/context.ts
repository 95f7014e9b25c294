import { asyncContext, runWith } from "../base/async-context.ts";
import { checkOptions, record } from "../base/options.ts";
import { RunStateError } from "../errors/runs.ts";
import type { Accounts } from "./accounts.ts";
import { callerOf, type Incoming, type IncomingRequest, readIncoming, requestIdOf } from "./incoming.ts";
import type { Root } from "./root.ts";
import { checkUserTags, type UserTags } from "./tags.ts";

/** On whose behalf the current code makes calls. Nested scopes merge; the inner one wins. */
export interface Attribution {
  readonly tags: UserTags;
  /** The incoming request of the app that this code answers: its `x-fal-request-id`. */
  readonly request?: string | undefined;
  /** Who sent that: its `x-fal-caller-user-id`, where fal's gateway has set it; through apps of our own, whom the first one answers. */
  readonly caller?: string | undefined;
  readonly incoming?: Incoming | undefined;
}

/** The run that calls belong to, and what that is a part of. */
export interface OfRun {
  readonly chain: string;
  readonly run: string;
  readonly root: Root;
  /** What a caller that is not one of ours said that the run is a part of. */
  readonly claimedRoot: string | undefined;
}

const NOBODY: Attribution = { tags: {} };
const current = asyncContext<Attribution>("attribution");

export const currentAttribution = (): Attribution => current.get() ?? NOBODY;

/** Runs `fn` with this attribution and nothing of the current one. */
export const atAttribution = <R>(attribution: Attribution, fn: () => R): R =>
  runWith(current, attribution, fn);

/** The same for a call. @throws {RunStateError} where nobody can tell: the runtime lets code lose it. */
export function attributionHere(): Attribution {
  const here = current.get();
  if (!here && current.lossy?.isUnderWay()) throw lostTags("This call");
  return here ?? NOBODY;
}

/** What is begun from now on has a higher one. */
export const attributionMark = (): number => current.lossy?.mark() ?? 0;

/**
 * That of a run's code which has lost its place: the run's own. Without AsyncLocalStorage what is there all the same is right
 * around it, and adds to that.
 *
 * @param mark Of the beginning of the run's code.
 * @throws {RunStateError} where the code may have lost more.
 */
export function attributionWithin(own: Attribution, mark: number): Attribution {
  const { lossy } = current;
  if (!lossy) return own;
  const near = current.get();
  if (near) return { ...own, ...(near.incoming && near), tags: { ...own.tags, ...near.tags } };
  if (lossy.isUnderWay(mark)) throw lostTags("This call");
  return own;
}

const lostTags = (what: string): RunStateError =>
  new RunStateError(
    "run_required",
    `${what} was made while code within withTags or withRequest waits for something, and this runtime has no ` +
      "AsyncLocalStorage, so that nobody can tell whether it is of that: it could lose its tags. Nothing was sent. " +
      AROUND_ONE,
  );

const AROUND_ONE =
  "Put withTags or withRequest around each call or start, and not around an await: fal.withTags(tags, () => " +
  "fal.subscribe(…)); or give the runtime its AsyncLocalStorage (on Cloudflare the flag nodejs_compat).";

/**
 * Runs `fn` with this attribution, as far as the runtime can.
 *
 * @throws {RunStateError} where calls of `fn` would lose it.
 */
function attributed<R>(what: string, attribution: Attribution, fn: () => R): R {
  const { lossy } = current;
  if (!lossy) return atAttribution(attribution, fn);
  if (Object.prototype.toString.call(fn) === "[object AsyncFunction]") {
    throw new RunStateError(
      "run_required",
      `${what} was given an async function, and this runtime has no AsyncLocalStorage: what that calls after its first ` +
        `await would lose its tags. It was not called. ${AROUND_ONE}`,
    );
  }
  const given = atAttribution(attribution, fn);
  // A call or a run has taken it. Of anything else that goes on nobody knows what it will call.
  if (given instanceof Promise) {
    const ended = lossy.begin();
    given.then(ended, ended);
  }
  return given;
}

/**
 * Every call that `fn` makes, however deep, carries these tags.
 *
 * @throws {InvalidArgumentError} for a tag that fal would drop.
 */
export function withTags<R>(tags: UserTags, fn: () => R): R {
  checkUserTags(tags);
  const outer = current.get();
  if (!outer && current.lossy?.isUnderWay()) throw lostTags("This withTags");
  checkOptions({ tags }, { tags: record }, { of: "withTags" });
  return attributed("withTags", { ...(outer ?? NOBODY), tags: { ...outer?.tags, ...tags } }, fn);
}

/** Every call that `fn` makes is attributed to this incoming request, and to nothing of one around it. */
export const withRequest = <R>(request: IncomingRequest, accounts: Accounts, fn: () => R): R =>
  attributed("withRequest", ofRequest(request, accounts), fn);

/** The same for a function that makes no calls of its own. */
export const atRequest = <R>(request: IncomingRequest, accounts: Accounts, fn: () => R): R =>
  atAttribution(ofRequest(request, accounts), fn);

const ofRequest = (request: IncomingRequest, accounts: Accounts): Attribution => ({
  ...currentAttribution(),
  request: requestIdOf(request),
  caller: callerOf(request, accounts),
  incoming: readIncoming(request, accounts),
});
