import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { ReplyListener } from "../attribution/onward.ts";
import type { Report } from "../base/report.ts";
import type { CancelOutcome } from "../errors/giving-up.ts";
import type { CallRecord, Ticket } from "../journal/call.ts";
import type { Store } from "../journal/store.ts";
import type { Reserve } from "../ledger/budget.ts";
import type { History } from "../platform/requests.ts";
import type { Queue } from "../queue/queue.ts";
import type { BillDeps } from "./bill.ts";
import type { Caller } from "./caller.ts";
import type { CallEvent, Result } from "./events.ts";
import type { Hooks } from "./hooks.ts";
import type { Prepared, WatchSettings } from "./options.ts";
import type { Places } from "./slots.ts";
import type { AmbiguousSubmitPolicy } from "./submit.ts";
import type { WitnessCall } from "./witness.ts";

/**
 * One paid use of an endpoint: a promise of its result, and a loop over its events. It runs whether or not anybody
 * listens. Each loop starts from the first event; leaving it early detaches and does not cancel. A loop throws what
 * `await` throws.
 */
export interface Call<T> extends PromiseLike<Result<T>>, AsyncIterable<CallEvent<T>> {
  /** Settles once fal has accepted the request. */
  readonly submitted: Promise<{ endpoint: string; requestId: string }>;
  /** Gives up: the call rejects with an `AbortError`, and the request is cancelled upstream. Never rejects. */
  cancel(): Promise<CancelOutcome>;
  /** The result, and the HTTP response that it came in. */
  withResponse(): Promise<{ result: Result<T>; response: Response }>;
  catch<R = never>(onRejected?: ((reason: unknown) => R | PromiseLike<R>) | null): Promise<Result<T> | R>;
  finally(onFinally?: (() => void) | null): Promise<Result<T>>;
}

export interface CallDeps extends BillDeps {
  readonly queue: Queue;
  readonly history: History;
  /** What is noted once a call is paid never rejects: a store that fails then is not the caller's concern. */
  readonly store: Store;
  readonly ambiguousSubmit: AmbiguousSubmitPolicy | undefined;
  /** What a call sets aside of its budgets. */
  readonly reserve: Reserve;
  /** For what went wrong beside a call and must not fail it, such as a callback that threw. */
  readonly report: Report;
  /** Who sees it besides its caller. */
  readonly witness: WitnessCall;
  /** Copies the media of a result. Never rejects. */
  readonly keepFiles: (data: unknown) => Promise<void>;
  /** Webhooks instead of waiting, where the client has them. */
  readonly hooks: Hooks | undefined;
  /** How many calls may be under way at once, where the client has a limit. */
  readonly places: Places | undefined;
}

/** What a call is made of: a submission to come, a request that exists already, or a call that the store has. */
export interface CallPlan {
  readonly endpoint: string;
  readonly step?: string | undefined;
  readonly onChange?: "rerun" | "reuse" | undefined;
  readonly caller: Caller | undefined;
  readonly settings: WatchSettings;
  readonly output: StandardSchemaV1 | undefined;
  readonly ambiguousSubmit?: AmbiguousSubmitPolicy | undefined;
  readonly begin:
    | {
        readonly prepare: (signal: AbortSignal) => Promise<Prepared>;
        /** The recorded call that this one stands in for, and the id that makes sure that only one does. */
        readonly instead?: { readonly of: string; readonly id: string };
      }
    | { readonly attach: () => Ticket; readonly heard: () => ReplyListener | undefined }
    | { readonly collect: () => Promise<CallRecord & { readonly ticket: Ticket }> };
}
