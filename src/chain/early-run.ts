import { onceAborted } from "../base/signal.ts";
import { codeBegins } from "../calls/enclosing-run.ts";
import { RunAbortedError } from "../errors/runs.ts";
import { runName } from "../journal/run-name.ts";
import type { Cost } from "../money/cost.ts";
import type { Attempt } from "./attempt.ts";
import { EarlyCode } from "./early-code.ts";
import { cancelRun, detachRun, LiveRun } from "./live-run.ts";
import type { RunPlan, StartWith } from "./plan.ts";
import { currentPosition } from "./position.ts";
import { type StartedRun, startRun } from "./run.ts";
import type { ChainServices } from "./services.ts";
import { enter, scopeOf } from "./tools.ts";

export type EarlyPlan = RunPlan & { readonly startWith: StartWith };

/**
 * A run whose code is executed at once, whether or not it has begun itself. It begins with the first thing that needs it,
 * and then takes the code over, as far as that has come. Where nothing needs it, the store hears nothing of it. Where it
 * cannot begin, what needs it fails, and the code goes on without. Should it be lost to another process, its code is
 * executed anew.
 */
export class EarlyRun<O> {
  /** What whoever asked for it is given: what its code gives, or what that has answered before it ended. */
  readonly answer: Promise<O>;
  readonly #live: LiveRun;
  readonly #code: EarlyCode;
  readonly #executed: Promise<O>;
  readonly #underWay: Set<object>;
  readonly #unlinks: (() => void)[] = [];
  #resolve!: (answer: O | PromiseLike<O>) => void;
  #reject!: (error: unknown) => void;
  #isNeeded = false;
  #isOver = false;
  #started: StartedRun<O> | undefined;

  /** @param underWay Has it until nothing of it is left here. */
  constructor(services: ChainServices, plan: EarlyPlan, underWay: Set<Pick<EarlyRun<O>, "detach">>) {
    this.#underWay = underWay.add(this);
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    let need = () => {};
    // As a part of what is here now: it may have to execute the code anew.
    void new Promise<void>((resolve) => {
      need = resolve;
    }).then(() => this.#begin());
    this.#live = new LiveRun(services, {
      ...plan,
      code: (input, scope) => (this.#code.attempt ? plan.code(input, scope) : this.#takenOver()),
    });
    this.#code = new EarlyCode(this.#live, plan.startWith.tags, () => {
      this.#isNeeded = true;
      need();
    });
    for (const signal of plan.abortSignals) {
      this.#unlinks.push(onceAborted(signal, () => this.cancel(signal.reason)));
    }
    this.#executed = this.#execute(plan);
    this.#executed.catch(() => {});
  }

  /** Gives an answer, with which its code goes on. */
  answers(answer: O): void {
    this.#resolve(answer);
  }

  cancel(reason: unknown): void {
    if (this.#isOver) return;
    const { chain, id } = this.#live.plan;
    const { cancelled } = this.#live;
    if (this.#started && !this.#code.failure) cancelRun(this.#live, reason);
    else cancelled.abort(new RunAbortedError(chain, id, { cause: reason }));
    if (cancelled.signal.aborted && !this.#code.attempt) this.#fails(cancelled.signal.reason);
  }

  async detach(): Promise<void> {
    detachRun(this.#live);
    const { reason } = this.#live.detached.signal;
    this.#code.released.abort(reason);
    if (!this.#code.attempt) this.#fails(reason);
    await this.#started?.run.total;
  }

  async #execute(plan: EarlyPlan): Promise<O> {
    const place = { code: this.#code, scope: "" };
    const codeEnds = codeBegins();
    try {
      const given = await enter(place, async () => {
        if (this.#live.isStopped) this.#live.cancelled.signal.throwIfAborted();
        return plan.code(undefined, scopeOf(place)) as O;
      });
      if (!this.#isNeeded) this.#ends(given);
      return given;
    } catch (error) {
      if (!this.#isNeeded) this.#fails(error);
      throw error;
    } finally {
      codeEnds?.();
      this.#code.hasEnded = true;
    }
  }

  #begin(): void {
    this.#started = startRun<O>(this.#live);
    this.#started.outcome.catch((error: unknown) => this.#cannotBegin(error));
  }

  /** The run has come to its code, which is executed already. */
  #takenOver(): Promise<O> {
    this.#code.takeOver(currentPosition()?.code.attempt as Attempt);
    this.#started?.outcome.then(
      (given) => this.#ends(given),
      (error: unknown) => this.#fails(error),
    );
    return this.#executed;
  }

  #cannotBegin(error: unknown): void {
    if (this.#code.attempt) return;
    this.#code.giveUpRun(error);
    if (this.#live.isStopped) {
      this.#fails(error);
      return;
    }
    const { services, plan } = this.#live;
    services.report(`The run ${runName(plan.chain, plan.id)} could not begin`, error);
    this.#executed.then(
      (given) => this.#ends(given),
      (failed: unknown) => this.#fails(failed),
    );
  }

  #ends(given: O): void {
    this.#resolve(given);
    this.#isLeft({});
  }

  #fails(error: unknown): void {
    this.#reject(error);
    this.#isLeft({ error });
  }

  #isLeft(end: { readonly error?: unknown }): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#code.hasEnded = true;
    for (const unlink of this.#unlinks) unlink();
    this.#live.observer?.ended({ ...end, costs: NOTHING });
    if (this.#started) void this.#started.run.total.then(() => this.#underWay.delete(this));
    else this.#underWay.delete(this);
  }
}

const NOTHING: Promise<readonly Cost[]> = Promise.resolve([]);
