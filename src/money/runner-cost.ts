/** What the runners of an app cost, on one kind of machine. */
export interface RunnerCost {
  /** Without its owner's name; undefined where the bill does not say. */
  readonly app: string | undefined;
  readonly environment: string | undefined;
  readonly machineType: string;
  /** Billed at the price of a surge. */
  readonly isSurge: boolean;
  /** How long they lived, idle time included. */
  readonly seconds: number;
  /** What is to be paid, the discount taken off. */
  readonly nanoUsd: number;
}
