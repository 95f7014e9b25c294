/** A call that is to be one of so many under way. */
export interface Slot {
  readonly account: string;
  readonly call: string;
  /** Who keeps it alive with `renew`. */
  readonly holder: string;
  readonly max: number;
  readonly leaseMs: number;
}

/** How many calls an account has under way, counted over all processes that share the store. */
export interface SlotJournal {
  /** One of `max` slots that the account has. False while all are taken. Taking it twice is one. */
  take(slot: Slot): Promise<boolean>;
  renew(holder: string, leaseMs: number): Promise<void>;
  free(call: string): Promise<void>;
}
