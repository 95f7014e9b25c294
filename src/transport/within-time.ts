import type { Clock } from "../base/clock.ts";
import { abortable, linkedController, OVER } from "../base/signal.ts";
import type { WireRequest } from "../base/transport.ts";
import type { ReadLimits } from "./read-reply.ts";
import { FailedAttempt } from "./retry.ts";

/** A read that has no answer by then is given up and repeated. */
const READ_TIMEOUT_MS = 60_000;
/** What comes more slowly than this, in bytes per millisecond, makes no headway. */
const SLOWEST_LINE = 50;

export type Headway = Pick<ReadLimits, "signal" | "onBytes">;

/** Gives up what makes no headway: it has its time, and what a slow line needs for the bytes that have come. */
export async function withinTime<T>(
  { clock }: { readonly clock: Clock },
  { signal, attemptTimeout = READ_TIMEOUT_MS }: Pick<WireRequest, "signal" | "attemptTimeout">,
  act: (headway: Headway) => Promise<T>,
): Promise<T> {
  const { controller, unlink } = linkedController(signal);
  let late: DOMException | undefined;
  let patience = attemptTimeout;
  const lookAtTime = async () => {
    for (let waited = 0, pause = patience; pause > 0; pause = patience - waited) {
      await clock.sleep(pause, controller.signal);
      waited += pause;
    }
    late = new DOMException(`no answer within ${attemptTimeout} ms`, "TimeoutError");
    controller.abort(late);
  };
  lookAtTime().catch(() => {});
  const onBytes = (bytes: number) => {
    patience += bytes / SLOWEST_LINE;
  };
  try {
    // A fetch that was passed in may not heed the signal; a caller that gave up does not wait for it.
    return await abortable(act({ signal: controller.signal, onBytes }), controller.signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (!late) throw error;
    throw new FailedAttempt({ kind: "ambiguous", why: late.message, cause: late });
  } finally {
    unlink();
    controller.abort(OVER);
  }
}
