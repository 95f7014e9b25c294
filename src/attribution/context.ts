import { asyncContext, runWith } from "../base/async-context.ts";
import type { Accounts } from "./accounts.ts";
import { type Incoming, type IncomingRequest, readIncoming, requestIdOf } from "./incoming.ts";
import type { Root } from "./root.ts";
import { checkUserTags, type UserTags } from "./tags.ts";

/** On whose behalf the current code makes calls. Nested scopes merge; the inner one wins. */
export interface Attribution {
  readonly tags: UserTags;
  /** The incoming request of the app that this code answers: its `x-fal-request-id`. */
  readonly request?: string | undefined;
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
  return atAttribution({ ...currentAttribution(), request: requestIdOf(request), incoming }, fn);
}
