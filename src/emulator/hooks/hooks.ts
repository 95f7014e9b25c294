import type { Clock } from "../../base/clock.ts";
import type { Fault } from "../faults/fault.ts";
import type { FaultPlan } from "../faults/plan.ts";
import type { Job, Outcome } from "../job.ts";
import { keptUntil } from "../routes/result.ts";
import { type HookBody, hookBody } from "./body.ts";
import { post } from "./post.ts";
import { MOST_ATTEMPTS, patience, pauseAfter } from "./schedule.ts";
import type { HookSigner } from "./signer.ts";

/** One attempt to deliver a webhook. */
export interface HookAttempt {
  readonly requestId: string;
  readonly url: string;
  readonly at: number;
  /** What the receiver answered; undefined where it did not, in time. */
  readonly status: number | undefined;
  /** Why there was no answer. */
  readonly why: string | undefined;
  readonly fault: Fault | undefined;
}

export interface Hooks {
  /** Begins to deliver the webhook of a request that has just ended, if it has one. */
  completed(job: Job): void;
  /** Resolves once the first attempt for a request has been made, or will not be. */
  tried(job: Job): Promise<void>;
  /** The latest 2,000 attempts, oldest first. */
  readonly attempts: readonly HookAttempt[];
  /** Forgets the attempts that were. */
  forget(): void;
  close(): Promise<void>;
}

export interface HooksOptions {
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  readonly plan: FaultPlan;
  readonly signer: HookSigner;
  /** Fires when the emulator closes. */
  readonly closing: AbortSignal;
}

const MOST_KEPT = 2_000;

/**
 * Delivers webhooks as fal does: again until a 2xx or a redirect comes, the attempts are used up, or the result has
 * expired. fal never posts to private addresses; an emulator has to.
 */
export function createHooks({ clock, fetch, plan, signer, closing }: HooksOptions): Hooks {
  const attempts: HookAttempt[] = [];
  const underWay = new Set<Promise<void>>();
  const waiting = new Map<Job, PromiseWithResolvers<void>>();
  const tried = new WeakSet<Job>();

  const tell = (job: Job) => {
    tried.add(job);
    waiting.get(job)?.resolve();
    waiting.delete(job);
  };

  const attempt = async (job: Job, url: string, body: HookBody, number: number, fault: Fault | undefined) => {
    const at = clock.now();
    const text = JSON.stringify(body);
    const { requestId, account: userId } = job;
    const headers = signer.headers({ requestId, userId, at }, text, fault?.name === "hook-forged");
    const within = patience(number);
    const answer = await post(url, { headers, body: text }, { fetch, clock, within, closing });
    const why = answer.status === undefined ? answer.why : undefined;
    attempts.push({ requestId, url, at, status: answer.status, why, fault });
    if (attempts.length > MOST_KEPT) attempts.shift();
    return answer.status;
  };

  const deliver = async (job: Job, url: string, outcome: Outcome, until: number): Promise<void> => {
    const fault = plan.pick({ operation: "webhook", endpoint: job.endpoint, requestId: job.requestId });
    const body = hookBody(job, outcome, fault?.name === "hook-unreadable");
    if (fault?.name === "hook-never") return;
    if (fault?.name === "hook-late") await clock.sleep(fault.ms ?? 60_000, closing);
    for (let number = 1; number <= MOST_ATTEMPTS; number++) {
      const copies = fault?.name === "hook-twice" ? 2 : 1;
      const statuses = await Promise.all(
        Array.from({ length: copies }, () => attempt(job, url, body, number, fault)),
      );
      tell(job);
      if (statuses.some((status) => status !== undefined && status >= 200 && status < 400)) return;
      const pause = pauseAfter(number);
      if (clock.now() + pause >= until) return;
      await clock.sleep(pause, closing);
    }
  };

  return {
    attempts,
    forget() {
      attempts.length = 0;
    },
    completed(job) {
      const { webhookUrl, outcome } = job;
      if (webhookUrl === undefined || !outcome) return tell(job);
      const delivery: Promise<void> = deliver(job, webhookUrl, outcome, keptUntil(job))
        .catch((error: unknown) => {
          if (!closing.aborted) throw error;
        })
        .finally(() => {
          tell(job);
          underWay.delete(delivery);
        });
      underWay.add(delivery);
    },
    async tried(job) {
      if (tried.has(job)) return;
      const known = waiting.get(job) ?? Promise.withResolvers<void>();
      waiting.set(job, known);
      await known.promise;
    },
    async close() {
      await Promise.allSettled(underWay);
      for (const job of waiting.keys()) tell(job);
    },
  };
}
