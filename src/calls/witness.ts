import type { CallInfo, CallObserver } from "./caller.ts";

/** Told of one call as it goes, for logs and traces. It changes nothing, and never throws. */
export interface CallWitness extends Omit<CallObserver, "place"> {
  /** The exact JSON of the input, right before it is sent. */
  sending(body: string): void;
}

/** Asked at the moment of each call, where its context can be seen. Undefined where nobody cares. */
export type WitnessCall = (call: CallInfo) => CallWitness | undefined;
