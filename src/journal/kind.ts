/** Which calls cost alike, and how much of it one asks for. */
export interface Kind {
  /** The endpoint, and what its input chooses; of those that are long a hash. */
  readonly name: string;
  /** How many are asked for times how long each is to be: what a price grows with, all else being equal. 1 where nothing says so. */
  readonly amount: number;
  /** Of the text that is to be spoken, else of the prompt. */
  readonly characters: number;
}

/** What a call has cost, and what it was asked for. */
export interface PastCost extends Pick<Kind, "amount" | "characters"> {
  readonly nanoUsd: number;
}

/** How many of the newest calls of a kind are told: more would say what things cost long ago. */
export const TOLD_OF_A_KIND = 20;
