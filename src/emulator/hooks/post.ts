import { type Clock, systemClock } from "../../base/clock.ts";

export type Answer = { readonly status: number } | { readonly status: undefined; readonly why: string };

export interface PostOptions {
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  /** Milliseconds until an answer is too late. */
  readonly within: number;
  readonly closing: AbortSignal;
}

/**
 * Posts a webhook once. An answer is late by the emulator's clock; that none comes at all is seen by the system's, since
 * a virtual clock would run ahead of a receiver that works in real time.
 */
export async function post(
  url: string,
  message: { readonly headers: Headers; readonly body: string },
  { fetch, clock, within, closing }: PostOptions,
): Promise<Answer> {
  const sentAt = clock.now();
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, closing]);
  const silence = systemClock.sleep(within, signal).then(() => over.abort(new Error("no answer came")));
  silence.catch(() => {});
  try {
    const response = await Promise.race([
      fetch(url, { method: "POST", redirect: "manual", signal, ...message }),
      aborted(signal),
    ]);
    await response.body?.cancel();
    if (clock.now() - sentAt > within) return { status: undefined, why: "the answer came too late" };
    return { status: response.type === "opaqueredirect" ? 302 : response.status };
  } catch (error) {
    const { cause, message: why } = error instanceof Error ? error : new Error(String(error));
    return { status: undefined, why: cause instanceof Error ? `${why}: ${cause.message}` : why };
  } finally {
    over.abort();
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  const rejected = new Promise<never>((_, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  rejected.catch(() => {});
  return rejected;
}
