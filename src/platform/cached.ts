import type { Clock } from "../base/clock.ts";
import { abortable, OVER } from "../base/signal.ts";

export interface Kept<T> {
  /** @param until Whoever asks waits no longer than this. What nobody waits for any more is given up. */
  (key: string, until?: AbortSignal): Promise<T>;
  /** The answer, if it is there and still fresh. */
  known(key: string): T | undefined;
}

interface Asked<T> {
  readonly at: number;
  readonly answer: Promise<T>;
  readonly givenUp: AbortController;
  waiting: number;
  known?: T;
}

/** Asks once for each key, and keeps the answer so long (milliseconds). A failure is not worth keeping. */
export function kept<T>(
  ms: number,
  clock: Clock,
  ask: (key: string, signal: AbortSignal) => Promise<T>,
): Kept<T> {
  const answers = new Map<string, Asked<T>>();
  const freshOf = (key: string) => {
    const old = answers.get(key);
    return old && clock.now() - old.at < ms && !old.givenUp.signal.aborted ? old : undefined;
  };
  const askAnew = (key: string): Asked<T> => {
    const givenUp = new AbortController();
    const fresh: Asked<T> = { at: clock.now(), answer: ask(key, givenUp.signal), givenUp, waiting: 0 };
    answers.set(key, fresh);
    fresh.answer.then(
      (answer) => {
        fresh.known = answer;
      },
      () => {
        if (answers.get(key) === fresh) answers.delete(key);
      },
    );
    return fresh;
  };
  const get = async (key: string, until?: AbortSignal): Promise<T> => {
    const asked = freshOf(key) ?? askAnew(key);
    asked.waiting += 1;
    try {
      return await (until ? abortable(asked.answer, until) : asked.answer);
    } finally {
      asked.waiting -= 1;
      if (asked.waiting === 0 && !("known" in asked)) asked.givenUp.abort(OVER);
    }
  };
  return Object.assign(get, { known: (key: string) => freshOf(key)?.known });
}
