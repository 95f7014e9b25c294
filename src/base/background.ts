/** What still has to finish when a call is over. */
export type Background = Set<Promise<unknown>>;

/** Keeps track of work that nobody waits for, until it has ended. */
export function inBackground<T>(background: Background, work: Promise<T>): Promise<T> {
  background.add(work);
  const forget = () => void background.delete(work);
  work.then(forget, forget);
  return work;
}
