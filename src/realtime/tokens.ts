import type { Clock } from "../base/clock.ts";
import { abortable } from "../base/signal.ts";

export interface TokenSource {
  /** One that is good still, or else a new one. */
  fresh(signal: AbortSignal): Promise<string>;
  /** It was refused, so that the next connection has another. */
  drop(): void;
  /** Asks for a new one before the one that is held expires, again and again, until the signal aborts. */
  keepFresh(signal: AbortSignal): Promise<void>;
}

/** The share of its life after which a token is renewed, and that after which a renewal that failed is tried again. */
const RENEWED_AT = 0.9;
const TRIED_AGAIN_AFTER = 0.05;

/** @param seconds How long tokens live; undefined where that is not known, so that each is used once. */
export function tokenSource(
  clock: Clock,
  ask: (signal: AbortSignal) => Promise<string>,
  seconds: number | undefined,
): TokenSource {
  let held: { readonly value: string; readonly until: number } | undefined;
  const renew = async (signal: AbortSignal) => {
    const askedAt = clock.now();
    const value = await abortable(ask(signal), signal);
    held = seconds === undefined ? undefined : { value, until: askedAt + seconds * RENEWED_AT * 1000 };
    return value;
  };
  return {
    async fresh(signal) {
      return held && clock.now() < held.until ? held.value : renew(signal);
    },
    drop() {
      held = undefined;
    },
    async keepFresh(signal) {
      if (seconds === undefined) return;
      for (let pause = (held?.until ?? 0) - clock.now(); ; ) {
        await clock.sleep(Math.max(0, pause), signal);
        pause = await renew(signal).then(
          () => seconds * RENEWED_AT * 1000,
          () => seconds * TRIED_AGAIN_AFTER * 1000,
        );
      }
    },
  };
}
