import type { StandardSchemaV1 } from "@standard-schema/spec";
import { isTagKey } from "../attribution/tag-key.ts";
import type { UserTags } from "../attribution/tags.ts";
import {
  anyText,
  anything,
  callback,
  checkOptions,
  count,
  flag,
  limit,
  milliseconds,
  name,
  nested,
  number,
  type OptionsOf,
  oneOf,
  record,
  signal,
  type Takes,
  webAddress,
} from "../base/options.ts";
import { lengthOf } from "../base/time.ts";
import type { FalError } from "../errors/fal-error.ts";
import type { InputOf } from "../queue/endpoint.ts";
import { LIFECYCLE, type StorageSettings } from "../storage/lifecycle.ts";
import type { QueueStatus } from "./queue-status.ts";

/**
 * What to do about a submit that may or may not have been accepted. `look-up` asks the account's request history and
 * adopts what it finds there; `throw` does not ask. The other two may pay twice, and say so by their names:
 * `resubmit-if-unseen` submits again where history shows nothing, which a history that lags also does; `resubmit`
 * submits again at once.
 */
export type AmbiguousSubmitPolicy = (typeof AMBIGUOUS_SUBMIT_POLICIES)[number];
export const AMBIGUOUS_SUBMIT_POLICIES = ["look-up", "throw", "resubmit-if-unseen", "resubmit"] as const;

export interface SubmitSettings {
  /** Up to five tags of your own, for billing. */
  readonly tags?: UserTags;
  /** fal will POST the result here. */
  readonly webhookUrl?: string;
  /** `low` waits behind every `normal` request. @default "normal" */
  readonly priority?: "low" | "normal";
  /** Requests with the same hint go to the same runner where possible. */
  readonly hint?: string;
  /** Seconds, more than 1: a request that has not started by then is given up by fal. */
  readonly startTimeout?: number;
  /**
   * How long fal keeps the files that the call makes, and who may read them. Blobs of the input are uploaded with the
   * same settings, but live a day at least: they are read only when the request's turn has come.
   */
  readonly storageSettings?: StorageSettings;
  /** Further headers for the submit. */
  readonly headers?: Readonly<Record<string, string>>;
  /** fal takes calls by POST; any other method may be repeated on its way, and pay twice. @default "post" */
  readonly method?: string;
  readonly abortSignal?: AbortSignal;
}

export interface WatchSettings {
  /** Ask for the model's log lines. @default false */
  readonly logs?: boolean;
  /** How the status arrives. `auto` and `streaming` prefer server-sent events and poll where they fail. @default "auto" */
  readonly mode?: "auto" | "streaming" | "polling";
  /** Taken for the official client's sake: streams are read here wherever `mode` allows them. */
  readonly connectionMode?: "server" | "client";
  /** Milliseconds between two polls, five at least. @default 500, growing to 5000 while nothing changes */
  readonly pollInterval?: number;
  /** Milliseconds without a sign of life on a stream (fal sends one every 15 s) before it is reopened. @default 45000 */
  readonly idleTimeout?: number;
  /** Milliseconds for the whole call, from the first attempt to the result. @default none */
  readonly timeout?: number;
  /** Whether giving up cancels the request upstream. @default true */
  readonly cancelOnAbort?: boolean;
  readonly abortSignal?: AbortSignal;
  /** The request has an id. */
  readonly onEnqueue?: (requestId: string) => void;
  /** The status changed; `logs` are all lines so far. */
  readonly onQueueUpdate?: (status: QueueStatus) => void;
}

/** What a call is within its run. */
export interface StepSettings {
  /** What the call is called within its run. @default the endpoint id */
  readonly step?: string;
  /**
   * Within a run, where this `step` was there before with another input: pay for it again, or keep what it gave.
   *
   * @default a StepInputChangedError
   */
  readonly onChange?: "rerun" | "reuse";
}

/** Attempts at a call whose failures cost nothing. */
export interface CallRetry {
  /** How often the call is made at most, the first time counted. */
  readonly attempts: number;
  /**
   * Which failures are tried again, of those that cost nothing: with `billed: false`, and at their own end. Never asked about an
   * ambiguous submit, a budget, a refused key, or who has given up: those are never tried again.
   *
   * @default those that are `retryable`
   */
  readonly when?: (error: FalError) => boolean;
}

/** When a call is given the result of an equal one that this store has paid for, instead of being paid for itself. */
export interface Reuse {
  /** How old the result may be: `30m`, `12h`, `7d` or `2w`, from when it came. @default any age */
  readonly maxAge?: string;
  /**
   * Tags that both calls must have the same value of, or both none: `"customer"`, or several. Besides your own these are
   * `job_id`, `app`, `chain`, `run`, `request`, and `caller`, which is who called the app. @default none: whoever has paid for it
   */
  readonly within?: string | readonly string[];
}

// biome-ignore lint/suspicious/noExplicitAny: what an endpoint takes that nobody has described, only the caller knows
type GivenTo<T> = unknown extends InputOf<T> ? any : InputOf<T>;

export interface SubmitOptions<T> extends SubmitSettings, StepSettings {
  /** @default an object without fields */
  readonly input?: InputOf<T>;
  readonly ambiguousSubmit?: AmbiguousSubmitPolicy;
  /**
   * How many of the endpoint's units fal will bill, where you know better than an estimate: a number, or a function of the
   * input. Only budgets use it; what the call costs is what fal bills.
   *
   * @default what `createFal({ units })` says of the endpoint
   */
  readonly units?: number | ((input: GivenTo<T>) => number | undefined);
}

export interface CallOptions<T, S extends StandardSchemaV1 | undefined = undefined>
  extends SubmitOptions<T>,
    WatchSettings {
  /** A schema that this call's output must satisfy; it also gives the output its type. */
  readonly output?: S;
  /**
   * Makes the call again where it failed and that cost nothing. Each attempt is a call of its own in the ledger; the pauses
   * between them are those of the client's `retry`, and `timeout` is for all of it. @default one attempt
   */
  readonly retry?: CallRetry;
  /**
   * Gives the result of a call to the same endpoint with exactly the same input that this store has paid for already, in
   * whatever run. Its fields add to those of the chain and the client, or take their place; `false` pays in any case.
   *
   * @default what the chain or else the client says; else every call is paid for
   */
  readonly reuse?: Reuse | false;
  readonly abortSignal?: AbortSignal;
}

const AGE: Takes = {
  what: "how old a result may be, such as 30m, 12h or 7d",
  is: (value) => typeof value === "string" && lengthOf(value) !== undefined,
};
const TAG: Takes = { what: "a tag", is: (value) => typeof value === "string" && isTagKey(value) };
const REUSE_FIELDS: OptionsOf<Reuse> = {
  maxAge: AGE,
  within: {
    what: "the name of a tag, or several",
    is: (value) => TAG.is(value) || (Array.isArray(value) && value.every(TAG.is)),
  },
};
export const REUSE: Takes = {
  what: '{ maxAge, within }, such as { maxAge: "7d" }, or false',
  is: (value) => value === false || nested(REUSE_FIELDS, "reuse").is(value),
};

const SECONDS: Takes = {
  what: "in seconds, and more than 1",
  is: (value) => typeof value === "number" && value > 1 && value < Number.POSITIVE_INFINITY,
};

const METHOD: Takes = {
  what: '"post", since any other method may be repeated on its way and pay twice',
  is: (value) => typeof value === "string" && value.toLowerCase() === "post",
};

const SCHEMA: Takes = {
  what: "a Standard Schema, such as one of zod's",
  is: (value) =>
    (typeof value === "object" || typeof value === "function") && value !== null && "~standard" in value,
};

const RETRY_FIELDS: OptionsOf<CallRetry> & Readonly<Record<string, Takes>> = {
  attempts: count(1),
  when: callback,
};
const RETRY: Takes = {
  what: "{ attempts, when }, with attempts a whole number from 1 up",
  is: (value) =>
    nested(RETRY_FIELDS, "retry").is(value) && count(1).is((value as Partial<CallRetry>).attempts),
};

export const UNITS: Takes = {
  what: "a number from 0 up, or a function of the input that gives one",
  is: (value) => typeof value === "function" || number(0).is(value),
};

/** What the input is, and what an endpoint's schema says of it, is checked with the input. */
export const CALL = {
  input: anything,
  output: SCHEMA,
  units: UNITS,
  step: name,
  onChange: oneOf(["rerun", "reuse"]),
  ambiguousSubmit: oneOf(AMBIGUOUS_SUBMIT_POLICIES),
  tags: record,
  webhookUrl: webAddress,
  priority: oneOf(["low", "normal"]),
  hint: anyText,
  startTimeout: SECONDS,
  storageSettings: nested(LIFECYCLE, "storageSettings"),
  headers: record,
  abortSignal: signal,
  logs: flag,
  mode: oneOf(["auto", "streaming", "polling"]),
  pollInterval: milliseconds(0),
  idleTimeout: limit(100, "milliseconds"),
  timeout: limit(1, "milliseconds"),
  cancelOnAbort: flag,
  onEnqueue: callback,
  onQueueUpdate: callback,
  retry: RETRY,
  reuse: REUSE,
  // What asks for a request takes, here and with the official client.
  requestId: anything,
  method: METHOD,
  connectionMode: oneOf(["server", "client"]),
};

/**
 * What a call was told that cannot be meant, found before anything is sent.
 *
 * @throws {InvalidArgumentError} naming the option and what it takes, or the nearest one that there is.
 */
export const checkCallOptions = (given: object): void =>
  checkOptions(given, CALL, { so: "Nothing was sent." });

/** What to do about an ambiguous submit: as the call says, else as the client does. */
export const policyOf = (
  client: { readonly ambiguousSubmit: AmbiguousSubmitPolicy | undefined },
  call: { readonly ambiguousSubmit?: AmbiguousSubmitPolicy | undefined },
): AmbiguousSubmitPolicy => call.ambiguousSubmit ?? client.ambiguousSubmit ?? "look-up";
