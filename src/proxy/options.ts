import type { UserTags } from "../attribution/tags.ts";
import type { Clock } from "../base/clock.ts";
import {
  aClock,
  callback,
  checkOptions,
  count,
  flag,
  having,
  list,
  milliseconds,
  type OptionsOf,
} from "../base/options.ts";
import type { Fal } from "../index.ts";
import type { ProxyTarget } from "./target.ts";

/**
 * Whether whoever sent a request may do so: `true`, or `{ tags }` with whom it is for; a Response is the answer, and anything
 * else refuses. It is given the request without its body.
 */
export type Authorize = (
  request: Request,
  target: ProxyTarget,
) => Permission | undefined | Promise<Permission | undefined>;

export type Permission = boolean | Response | Granted;

/** Whom a request is for. */
export interface Granted {
  /** Go on the call, in the ledger and at fal; they win over those that the page gives. */
  readonly tags?: UserTags;
}

export interface ProxyOptions {
  /** Whose key, ledger and budgets it is. @default the client that takes its settings from the environment */
  readonly fal?: Pick<Fal, "queue" | "run" | "stream" | "calls" | "environment">;
  /**
   * The endpoints that may be called, such as `fal-ai/flux/schnell`; `*` stands for any letters of one part, `**` for any
   * number of parts. @default none: everything is refused
   */
  readonly allow?: readonly string[];
  /** Asked for each request. @default everybody may while `NODE_ENV` is not `production`, and nobody otherwise */
  readonly authorize?: Authorize;
  /** Whether files may be uploaded for inputs. @default false */
  readonly uploads?: boolean;
  /** The names of tags that the page itself may give. What is billed by must not be among them. @default none */
  readonly pageTags?: readonly string[];
  /** The longest input, in bytes. @default 10 MiB */
  readonly maxRequestBytes?: number;
  /** The longest answer that is passed on, in bytes. @default 64 MiB */
  readonly maxReplyBytes?: number;
  /** Milliseconds until a read is answered. @default 60_000 */
  readonly timeout?: number;
  /** Milliseconds that an answer may take to come, a stream of statuses too; the page then asks anew. @default 10 minutes */
  readonly streamTimeout?: number;
  /** Sends what the client does not send by itself. @default the global fetch */
  readonly fetch?: typeof globalThis.fetch;
  /** Told of what went wrong here and not at fal, which the page is not told. @default a warning */
  readonly onError?: (error: unknown, target: ProxyTarget | undefined) => void;
  /** Time as a parameter, for tests. */
  readonly clock?: Clock;
}

const PROXY: OptionsOf<ProxyOptions> = {
  fal: having("a client, as createFal makes it", "run"),
  allow: list,
  authorize: callback,
  uploads: flag,
  pageTags: list,
  maxRequestBytes: count(1),
  maxReplyBytes: count(1),
  timeout: milliseconds(1),
  streamTimeout: milliseconds(1),
  fetch: callback,
  onError: callback,
  clock: aClock,
};

/** @throws {InvalidArgumentError} naming the option that cannot be meant. */
export const checkProxyOptions = (given: ProxyOptions): void =>
  checkOptions(given, PROXY, { of: "createProxy" });
