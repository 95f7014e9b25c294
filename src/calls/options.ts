import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { UserTags } from "../attribution/tags.ts";
import type { InputOf } from "../queue/endpoint.ts";
import type { StorageSettings } from "../storage/lifecycle.ts";
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
  readonly abortSignal?: AbortSignal;
}

export interface WatchSettings {
  /** Ask for the model's log lines. @default false */
  readonly logs?: boolean;
  /** How the status arrives. `auto` and `streaming` prefer server-sent events and poll where they fail. @default "auto" */
  readonly mode?: "auto" | "streaming" | "polling";
  /** Milliseconds between two polls. @default 500, growing to 5000 while nothing changes */
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

export interface SubmitOptions<T> extends SubmitSettings, StepSettings {
  readonly input: InputOf<T>;
  readonly ambiguousSubmit?: AmbiguousSubmitPolicy;
}

export interface CallOptions<T, S extends StandardSchemaV1 | undefined = undefined>
  extends SubmitOptions<T>,
    WatchSettings {
  /** A schema that this call's output must satisfy; it also gives the output its type. */
  readonly output?: S;
  readonly abortSignal?: AbortSignal;
}

/** What to do about an ambiguous submit: as the call says, else as the client does. */
export const policyOf = (
  client: { readonly ambiguousSubmit: AmbiguousSubmitPolicy | undefined },
  call: { readonly ambiguousSubmit?: AmbiguousSubmitPolicy | undefined },
): AmbiguousSubmitPolicy => call.ambiguousSubmit ?? client.ambiguousSubmit ?? "look-up";
