export type Turn = <T>(act: () => Promise<T>) => Promise<T>;

/** Lets so many act at once; the others wait for as long as it takes, first come first served. */
export function turns(max: number): Turn {
  const waiting: (() => void)[] = [];
  let free = max;
  return async (act) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await act();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  };
}
