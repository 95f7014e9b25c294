/** A runner, as far as it matters for who gets the next request. */
export interface Candidate {
  readonly busy: number;
  /** What it says it is good for: `x-fal-runner-hints` of its answers. */
  readonly hints: ReadonlySet<string>;
  /** When it was given its latest request; 0 for none. */
  readonly lastUsedAt: number;
}

/**
 * The runner that the next request goes to: of those with room the one that served the same hint, else the least busy, else
 * the one that has rested longest. Undefined where all are full. A hint is a preference: it makes nobody wait.
 */
export function leastBusy<C extends Candidate>(
  runners: readonly C[],
  mostAtOnce: number,
  hint: string | undefined,
): C | undefined {
  const free = runners.filter(({ busy }) => busy < mostAtOnce);
  const known = hint === undefined ? [] : free.filter(({ hints }) => hints.has(hint));
  const order = (a: C, b: C) => a.busy - b.busy || a.lastUsedAt - b.lastUsedAt;
  return (known.length > 0 ? known : free).toSorted(order)[0];
}
