import type { Cost } from "../money/cost.ts";
import type { CallInfo } from "./enclosing-run.ts";
import type { CallEvent } from "./events.ts";

/** Told of one call as it goes, for logs and traces. It changes nothing, and never throws. */
export interface CallObserver {
  /** The exact JSON of the input, right before it is sent. */
  sending(body: string): void;
  event(event: CallEvent): void;
  /** `isHandedOver`: it was submitted, and whoever has its request id asks for the rest. */
  ended(end: {
    readonly error?: unknown;
    readonly cost: Promise<Cost | undefined> | undefined;
    readonly isHandedOver?: boolean | undefined;
  }): void;
}

/** Asked at the moment of each call, where its context can be seen. Undefined where nobody cares. */
export type ObserveCall = (call: CallInfo) => CallObserver | undefined;
