import { asyncContext } from "../base/async-context.ts";
import type { Accounts } from "./accounts.ts";
import { type Incoming, type IncomingRequest, readIncoming, requestIdOf } from "./incoming.ts";
import { checkUserTags, type UserTags } from "./tags.ts";

/** On whose behalf the current code makes calls. Nested scopes merge; the inner one wins. */
export interface Attribution {
  readonly tags: UserTags;
  /** The incoming request of the app that this code answers: its `x-fal-request-id`. */
  readonly request?: string | undefined;
  readonly incoming?: Incoming | undefined;
  readonly chain?: string | undefined;
  readonly run?: string | undefined;
  /** The outermost run that this is a part of, here or in the app that called us. */
  readonly rootRun?: string | undefined;
  /** The runner that it began on, where that is known to be another one. */
  readonly rootJob?: string | undefined;
}

const NOBODY: Attribution = { tags: {} };
const current = asyncContext<Attribution>();

export const currentAttribution = (): Attribution => current.get() ?? NOBODY;

/** Runs `fn` with this attribution and nothing of the current one. */
export const atAttribution = <R>(attribution: Attribution, fn: () => R): R => {
  const result = current.run(attribution, fn);
  // The body of a generator runs where it is asked for the next value.
  return isGenerator(result) ? steppedIn(attribution, result) : result;
};

interface RunFacts extends Pick<Attribution, "tags"> {
  readonly chain: string;
  readonly run: string;
  readonly before: Pick<Attribution, "rootRun" | "rootJob">;
}

/**
 * What is attributed to a run that is started with the attribution `outer`. One that is resumed elsewhere stays a part of
 * what it was a part of `before`.
 */
export const ofRun = (outer: Attribution, { chain, run, tags, before }: RunFacts): Attribution => ({
  ...outer,
  chain,
  run,
  rootRun: before.rootRun ?? outer.rootRun ?? `${outer.chain ?? chain}/${outer.run ?? run}`,
  rootJob: before.rootJob ?? outer.rootJob,
  tags: { ...outer.tags, ...tags },
});

/**
 * Every call that `fn` makes, however deep, carries these tags.
 *
 * @throws {InvalidArgumentError} for a tag that fal would drop.
 */
export function withTags<R>(tags: UserTags, fn: () => R): R {
  checkUserTags(tags);
  const outer = currentAttribution();
  return atAttribution({ ...outer, tags: { ...outer.tags, ...tags } }, fn);
}

/** Every call that `fn` makes is attributed to this incoming request, and to nothing of one around it. */
export function withRequest<R>(request: IncomingRequest, accounts: Accounts, fn: () => R): R {
  const incoming = readIncoming(request, accounts);
  const { root } = incoming;
  const from = { request: requestIdOf(request), incoming, rootRun: root?.run, rootJob: undefined };
  return atAttribution({ ...currentAttribution(), ...from }, fn);
}

const isGenerator = (value: unknown): value is object =>
  /^\[object (Async)?Generator\]$/.test(Object.prototype.toString.call(value));

function steppedIn<G extends object>(attribution: Attribution, generator: G): G {
  const inside: G = new Proxy(generator, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      if (name === Symbol.asyncIterator || name === Symbol.iterator) return () => inside;
      return (...args: unknown[]) => current.run(attribution, () => Reflect.apply(value, target, args));
    },
  });
  return inside;
}
