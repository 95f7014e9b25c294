/**
 * Why a signal aborts that only says that something is over. Nobody sees it: without a reason Node makes an error with a
 * stack each time, which costs a call more than all its parsing.
 */
export const OVER = "over";

/** An AbortController that also aborts when `parent` does, with its reason. `unlink` leaves no listener behind. */
export function linkedController(parent?: AbortSignal): { controller: AbortController; unlink: () => void } {
  const controller = new AbortController();
  if (!parent) return { controller, unlink: () => {} };
  const onAbort = () => controller.abort(parent.reason);
  if (parent.aborted) onAbort();
  else parent.addEventListener("abort", onAbort, { once: true });
  return { controller, unlink: () => parent.removeEventListener("abort", onAbort) };
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
  if (signal.aborted) {
    onAbort();
    return;
  }
  signal.addEventListener("abort", onAbort, { once: true });
  until.addEventListener("abort", () => signal.removeEventListener("abort", onAbort), { once: true });
}
