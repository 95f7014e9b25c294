import type { Clock } from "../base/clock.ts";

/** Asks once for each key, and keeps the answer so long (milliseconds). A failure is not worth keeping. */
export function kept<T>(
  ms: number,
  clock: Clock,
  ask: (key: string) => Promise<T>,
): (key: string) => Promise<T> {
  const known = new Map<string, { readonly at: number; readonly answer: Promise<T> }>();
  return async (key) => {
    const old = known.get(key);
    if (old && clock.now() - old.at < ms) return old.answer;
    const fresh = { at: clock.now(), answer: ask(key) };
    known.set(key, fresh);
    fresh.answer.catch(() => {
      if (known.get(key) === fresh) known.delete(key);
    });
    return fresh.answer;
  };
}
