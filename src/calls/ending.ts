import { inBackground } from "../base/background.ts";
import { AmbiguousSubmitError } from "../errors/ambiguous-submit.ts";
import { ApiError, isOwnEnd } from "../errors/api.ts";
import { OutputMismatchError } from "../errors/arguments.ts";
import { LeaseLostError } from "../errors/runs.ts";
import { savedError } from "../errors/saved-error.ts";
import type { Ticket } from "../journal/call.ts";
import type { BillDeps } from "./bill.ts";
import type { GivingUp } from "./giving-up.ts";
import { isGone } from "./result.ts";
import type { Accepted } from "./submit.ts";

/** How far a call has come, as it stands when it is asked. */
export interface Progress {
  /** What it is noted under; undefined while nothing of it is in the store. */
  readonly noted: string | undefined;
  readonly submitting: Promise<Accepted> | undefined;
  readonly ticket: Ticket | undefined;
  /** Whether its run has no use for it any more. */
  readonly unwanted: boolean;
}

/** What a call that fails leaves in the store. */
export interface Endings {
  note(error: unknown): Promise<void>;
  /** Nobody waits for it here any more, which is no failure yet. */
  isLeft(error: unknown): boolean;
  /** What became of its submit; undefined where nothing was accepted. */
  outcomeOfSubmit(): Promise<"accepted" | "in-doubt" | undefined>;
}

export function endings(
  { store, clock, background }: BillDeps,
  end: Pick<GivingUp, "signal" | "detached">,
  progress: () => Progress,
): Endings {
  const isLeft = (error: unknown): boolean => end.signal.aborted || error instanceof LeaseLostError;

  return {
    isLeft,
    outcomeOfSubmit,
    async note(error) {
      const { noted, ticket } = progress();
      if (noted === undefined) return;
      // The result is noted, and stays: what failed is the caller's contract.
      if (error instanceof OutputMismatchError) return;
      // Submitting has noted that by itself.
      if (error instanceof AmbiguousSubmitError) return;
      if (isLeft(error)) return noteLeft(noted, error);
      // A request that fal has ends by its own word, or when its result is gone: until then it may still be had.
      const isEnd = !ticket || isGone(error) || (error instanceof ApiError && isOwnEnd(error));
      if (isEnd) return store.calls.failed(noted, savedError(error), clock.now());
      return store.calls.givenUp(noted, "unread", clock.now(), savedError(error));
    },
  };

  async function outcomeOfSubmit(): Promise<"accepted" | "in-doubt" | undefined> {
    const { noted, submitting } = progress();
    const outcome = await submitting?.then(
      () => "accepted" as const,
      (error: unknown) => (error instanceof AmbiguousSubmitError ? ("in-doubt" as const) : undefined),
    );
    // Of a submit that was repeated in spite of a doubt, somebody has still to find out what became of the first.
    const known = noted === undefined ? undefined : await store.calls.get(noted).catch(() => undefined);
    return known?.state === "ambiguous" ? "in-doubt" : outcome;
  }

  /**
   * Nothing is said of it while its POST is under way: should the process end now, it is in doubt, and not known to be
   * unsent.
   */
  function noteLeft(noted: string, error: unknown): Promise<void> {
    const { submitting, ticket, unwanted } = progress();
    const note = async () => {
      const sent = await outcomeOfSubmit();
      if (sent === "in-doubt") return;
      // It goes on, and whoever takes it over notes its end.
      if (end.detached && sent === "accepted") return;
      const byRun = end.detached || error instanceof LeaseLostError || unwanted;
      await store.calls.givenUp(noted, byRun ? "run" : "caller", clock.now(), savedError(error));
    };
    // A run is let go when it is known what its calls are; everybody else is told at once.
    const isOnItsWay = submitting !== undefined && ticket === undefined;
    if (!isOnItsWay || end.detached) return note();
    void inBackground(background, note());
    return Promise.resolve();
  }
}
