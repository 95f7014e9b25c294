/** A call that is paid goes on, whatever a logger or an exporter throws. */
export function guarded<A extends readonly unknown[], T>(tell: (...of: A) => T, ...of: A): T | undefined {
  try {
    return tell(...of);
  } catch {
    return undefined;
  }
}

/** Tells what is known only a while after the end. */
export function afterwards<T>(known: Promise<T> | undefined, tell: (value: T) => void): void {
  void known?.then((value) => guarded(() => tell(value)));
}
