/** A limit that calls are held to before they are paid for: what is charged and reserved never goes over it. */
export interface Budget {
  /** US dollars. */
  readonly usd: number;
  /**
   * What to do about a call of which it is not known what it will cost: refuse it, let it through and charge what it
   * turns out to cost, or set this much aside for it. @default "refuse"
   */
  readonly unknownPrice?: "refuse" | "allow" | { readonly assumeUsd: number };
}
