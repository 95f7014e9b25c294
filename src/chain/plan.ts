import type { Reuse } from "../calls/options.ts";
import type { StartedFor } from "../journal/run.ts";
import type { Store } from "../journal/store.ts";
import type { Budget } from "../money/budget.ts";
import type { StartMode } from "./mode.ts";
import type { RunScope } from "./run-scope.ts";

/** What a run begins with, the first time that it is started. */
export interface StartWith {
  /** JSON. */
  readonly input: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly startedFor: StartedFor | undefined;
}

/** What is to be done with a run. */
export interface RunPlan {
  readonly mode: StartMode;
  readonly chain: string;
  readonly id: string;
  /** Undefined where the run must exist: it is resumed with what it was started with. */
  readonly startWith: StartWith | undefined;
  /** The chain's function. */
  readonly code: (input: unknown, scope: RunScope) => unknown;
  readonly onDiverge: "throw" | "pay";
  /** What the chain says of its calls. */
  readonly reuse?: Reuse | false | undefined;
  /** Each of them cancels it. */
  readonly abortSignals: readonly AbortSignal[];
  readonly budget?: Budget | undefined;
  /** The run that it is a part of, having no id of its own. */
  readonly outer?: { readonly chain: string; readonly id: string; readonly directStore: Store } | undefined;
  /** Detaches it with the run that it is a part of. */
  readonly detachSignal?: AbortSignal | undefined;
  /** What has to be over before it begins, such as an earlier execution here. */
  readonly after?: Promise<unknown> | undefined;
}
