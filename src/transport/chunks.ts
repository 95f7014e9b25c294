/**
 * The chunks of a body as they come. Leaving the loop closes the connection. Throws the signal's reason once it aborts,
 * whether or not the body heeds it too.
 */
export async function* chunksOf(
  body: ReadableStream<Uint8Array>,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const reader = body.getReader();
  // Not awaited: a peer that does not answer must not hold the reader up. A body that failed cannot be cancelled.
  const leave = () => void reader.cancel().catch(() => {});
  signal?.addEventListener("abort", leave, { once: true });
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      if (done) return;
      yield value;
    }
  } finally {
    leave();
    signal?.removeEventListener("abort", leave);
  }
}
