import { flag, type OptionsOf, signal } from "../base/options.ts";
import { RunStateError } from "../errors/runs.ts";
import { runName } from "../journal/run-name.ts";
import { goingOn } from "./answer.ts";
import { assertOpen } from "./attempt.ts";
import { EarlyRun } from "./early-run.ts";
import { currentPosition } from "./position.ts";
import type { RunScope } from "./run-scope.ts";
import type { RunsHere } from "./runs-here.ts";
import { checkId, idForNow, startWithNow } from "./start-with.ts";
import { isWithin } from "./started-for.ts";
import { scopeOf } from "./tools.ts";

export interface HandleOptions {
  /** Cancels the run, as when whoever asked has left: its calls too, upstream. */
  readonly abortSignal?: AbortSignal;
  /** Says nothing of a store that forgets the run with this process, since that is known. @default false: one warning */
  readonly mayForget?: boolean;
}

export const HANDLE: OptionsOf<HandleOptions> = { abortSignal: signal, mayForget: flag };

/** Executes `fn` as the run of a request: its streamed answer is given as soon as it begins, and is a part of the run. */
export async function answerAsRun<R>(
  here: RunsHere,
  chain: string,
  given: string | undefined,
  fn: (run: RunScope) => R | PromiseLike<R>,
  options: HandleOptions,
): Promise<R> {
  const services = here.services();
  const around = currentPosition();
  // It would wait for itself.
  if (around && given !== undefined && isWithin(chain, given, services.directStore))
    return fn(scopeOf(around));
  if (around && !around.code.attempt) {
    assertOpen(around.code, "A request");
    return around.code.withAttempt(() => answerAsRun(here, chain, given, fn, options));
  }
  const id = given ?? idForNow(chain, undefined);
  checkId(id);
  const startWith = startWithNow(undefined, {}, services.jobId(), false);
  const abortSignals = options.abortSignal ? [options.abortSignal] : [];
  let isAnswered = false;
  const code = async (_: unknown, scope: RunScope): Promise<R> => {
    // Taken over and back again: its reader has the answer that there was.
    if (isAnswered)
      throw new RunStateError("run_ended", `The request ${runName(chain, id)} is answered already.`);
    const given = await fn(scope);
    const following = goingOn(given, scope);
    if (!following) return given;
    const followed = await following;
    if (!("ended" in followed)) return followed.answer;
    isAnswered = true;
    request.answers(followed.answer);
    void followed.left.then((reason) => request.cancel(reason ?? "whoever read the answer has left"));
    await followed.ended;
    // Nothing that the store could keep.
    return undefined as R;
  };
  // Not remembered: each request that carries this id executes its own code.
  const plan = { mode: "request", chain, id, startWith, abortSignals, onDiverge: "pay", code } as const;
  const request = new EarlyRun<R>(services, plan, here.requests);
  return request.answer;
}
