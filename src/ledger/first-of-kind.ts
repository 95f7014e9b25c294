import { onceAborted } from "../base/signal.ts";
import type { Kind } from "../journal/kind.ts";
import { type Estimate, whole } from "./estimate.ts";

/** A call that is about to be paid for, of which no other of its kind may be known. */
export interface Newcomer {
  readonly kind: Kind | undefined;
  /** Aborts once the call is over, and its cost known if it is. */
  readonly over: AbortSignal | undefined;
}

/** What an estimate that rests on others' calls may be wrong by. */
const WRONG_BY = 10;

/** One that is as sure as a price is no guess. */
const isGuess = <E extends Pick<Estimate, "source">>(
  estimate: E,
): estimate is E & { readonly low: number; readonly high: number } =>
  estimate.source === "history" && "high" in estimate && "low" in estimate && estimate.low !== estimate.high;

/**
 * The first call of its kind shows what such calls cost. Others that come before it has ended have the same guess to go by, and
 * together may go far beyond a budget: they set ten times as much aside, and where there is no room for that they wait for
 * the first one's end.
 *
 * @param estimate Asked again after each wait. @param hasRoom Whether the budgets have room for so many nano-USD.
 */
export function firstOfKind() {
  const underWay = new Map<string, { readonly over: AbortSignal; nanoUsd: number }>();
  return async function expected<E extends Pick<Estimate, "source">>(
    { kind, over }: Newcomer,
    estimate: () => Promise<E>,
    hasRoom: (nanoUsd: number) => Promise<boolean>,
  ): Promise<E> {
    for (;;) {
      const guess = await estimate();
      if (!isGuess(guess) || !kind || !over) return guess;
      const first = underWay.get(kind.name);
      if (!first || first.over.aborted) {
        const mine = { over, nanoUsd: guess.high };
        underWay.set(kind.name, mine);
        onceAborted(over, () => {
          if (underWay.get(kind.name) === mine) underWay.delete(kind.name);
        });
        return guess;
      }
      const high = whole(guess.high * WRONG_BY);
      // Those before it may not have reserved theirs yet.
      first.nanoUsd += high;
      if (await hasRoom(first.nanoUsd)) return { ...guess, high };
      first.nanoUsd -= high;
      await new Promise<void>((resolve) => void onceAborted(first.over, resolve));
    }
  };
}
