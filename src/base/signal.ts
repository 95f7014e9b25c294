/**
 * Why a signal aborts that only says that something is over. Nobody sees it: without a reason Node makes an error with a
 * stack each time, which costs a call more than all its parsing.
 */
export const OVER = "over";

/**
 * How long after a process was told to end another SIGINT or SIGTERM says to end at once, in milliseconds. One that comes
 * sooner may be the same: npm passes on to its program what its terminal has sent to both.
 */
export const DELIBERATE_MS = 1_000;

/** Calls `fn` when `signal` aborts, at once if it has already. What this gives leaves no listener behind. */
export function onceAborted(signal: AbortSignal, fn: () => void): () => void {
  if (signal.aborted) {
    fn();
    return () => {};
  }
  signal.addEventListener("abort", fn, { once: true });
  return () => signal.removeEventListener("abort", fn);
}

/** An AbortController that also aborts when `parent` does, with its reason. `unlink` leaves no listener behind. */
export function linkedController(parent?: AbortSignal): { controller: AbortController; unlink: () => void } {
  const controller = new AbortController();
  const unlink = parent ? onceAborted(parent, () => controller.abort(parent.reason)) : () => {};
  return { controller, unlink };
}

/** Waits for `promise`, but rejects with the signal's reason as soon as it aborts. The promise itself goes on. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  // Whoever gives up waiting does not want to hear of a later failure.
  promise.catch(() => {});
  signal.throwIfAborted();
  let onAbort: () => void = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/**
 * Calls `onAbort` when `signal` aborts, at once if it has already, unless `until` aborts before. Not with the option
 * `signal` of `addEventListener`: where many listen to one signal, Node forgets all but the latest of those once it
 * collects garbage, and the listeners stay (seen on 20 and 24).
 */
export function whenAborted(signal: AbortSignal, until: AbortSignal, onAbort: () => void): void {
  if (until.aborted) return;
  const unlink = onceAborted(signal, onAbort);
  until.addEventListener("abort", unlink, { once: true });
}
