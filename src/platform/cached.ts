import type { Clock } from "../base/clock.ts";

export interface Kept<T> {
  (key: string): Promise<T>;
  /** The answer, if it is there and still fresh. */
  known(key: string): T | undefined;
}

/** Asks once for each key, and keeps the answer so long (milliseconds). A failure is not worth keeping. */
export function kept<T>(ms: number, clock: Clock, ask: (key: string) => Promise<T>): Kept<T> {
  const answers = new Map<string, { readonly at: number; readonly answer: Promise<T>; known?: T }>();
  const freshOf = (key: string) => {
    const old = answers.get(key);
    return old && clock.now() - old.at < ms ? old : undefined;
  };
  const get = async (key: string): Promise<T> => {
    const old = freshOf(key);
    if (old) return old.answer;
    const fresh: { at: number; answer: Promise<T>; known?: T } = { at: clock.now(), answer: ask(key) };
    answers.set(key, fresh);
    fresh.answer.then(
      (answer) => {
        fresh.known = answer;
      },
      () => {
        if (answers.get(key) === fresh) answers.delete(key);
      },
    );
    return fresh.answer;
  };
  return Object.assign(get, { known: (key: string) => freshOf(key)?.known });
}
