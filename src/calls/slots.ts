import type { Clock } from "../base/clock.ts";
import { pooled } from "../base/pooled.ts";
import type { Report } from "../base/report.ts";
import { abortable } from "../base/signal.ts";
import type { Ticket } from "../journal/call.ts";
import type { SlotJournal } from "../journal/slots.ts";
import type { Queue } from "../queue/queue.ts";
import { isGone } from "./result.ts";
import type { SlotHolder, Slots } from "./services.ts";

export interface SlotOptions {
  readonly slots: () => SlotJournal;
  readonly queue: Queue;
  readonly clock: Clock;
  readonly report: Report;
  readonly max: number;
  /** Whose slots they are. */
  readonly account: () => string;
}

/** A process that died leaves its slots after so long. */
const LEASE_MS = 60_000;
/** How long a request counts whose end nobody here waits for, unless it is found to have ended. */
const HANDED_OVER_MS = 15 * 60_000;
/** How often a client whose turn it is looks for a slot that another process gave back. */
const LOOK_MS = 500;
/** How many of those looks there are between two questions whether a request has ended that nobody waits for. */
const LOOKS_BETWEEN_QUESTIONS = 4;
const ASKED_AT_ONCE = 8;
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

export function createSlots(options: SlotOptions): Slots {
  const { slots, clock, max, account } = options;
  const holder = crypto.randomUUID();
  const held = heldSlots(options, holder);
  let turn: Promise<void> = Promise.resolve();
  const slot = (call: string, max: number) => ({ account: account(), call, holder, max, leaseMs: LEASE_MS });

  return {
    async take(call, signal) {
      const before = turn;
      const mine = Promise.withResolvers<void>();
      turn = before.then(() => mine.promise);
      try {
        await abortable(before, signal);
        for (let look = 0; !(await slots().take(slot(call, max))); look++) {
          if (look % LOOKS_BETWEEN_QUESTIONS === 0) await freeEnded(options, held);
          const pause = new AbortController();
          const next = clock.sleep(LOOK_MS, pause.signal).catch(() => {});
          await abortable(Promise.race([held.freed(), next]), signal).finally(() => pause.abort());
        }
        return held.add(call, Promise.resolve());
      } finally {
        mine.resolve();
      }
    },
    claim(call) {
      const taken = slots()
        .take(slot(call, NO_LIMIT))
        .catch((error: unknown) =>
          options.report("The store could not count a call that is under way", error),
        );
      return held.add(call, taken);
    },
    free: (call) => held.free(call),
  };
}

/** The slots that this client has, which it keeps alive for as long as it has any. */
interface HeldSlots {
  /** By call: the request that nobody here waits for, where that is so. */
  readonly calls: ReadonlyMap<string, Held>;
  add(call: string, taken: Promise<unknown>): SlotHolder;
  free(call: string): void;
  /** Resolves when one is given back here. */
  freed(): Promise<void>;
}

interface Held {
  taken: Promise<unknown>;
  ticket: Ticket | undefined;
}

function heldSlots({ slots, clock, report, account }: SlotOptions, holder: string): HeldSlots {
  const calls = new Map<string, Held>();
  let given = Promise.withResolvers<void>();
  let idle = new AbortController();
  idle.abort();

  const keepAlive = async (): Promise<void> => {
    idle = new AbortController();
    const { signal } = idle;
    while (!signal.aborted) {
      try {
        await clock.sleep(LEASE_MS / 3, signal);
        await slots().renew(holder, LEASE_MS);
      } catch (error) {
        if (!signal.aborted) report("The store could not renew the slots of calls under way", error);
      }
    }
  };

  const failed = (what: string) => (error: unknown) => report(`The store could not ${what}`, error);
  const stopWithoutAny = () => {
    if (![...calls.values()].some(({ ticket }) => ticket === undefined)) idle.abort();
  };
  const free = (call: string): void => {
    const held = calls.get(call);
    if (!held) return;
    calls.delete(call);
    stopWithoutAny();
    held.taken
      .then(() => slots().free(call))
      .catch(failed("give back a call's slot"))
      .finally(() => {
        const waiting = given;
        given = Promise.withResolvers<void>();
        waiting.resolve();
      });
  };

  return {
    calls,
    free,
    freed: () => given.promise,
    add(call, taken) {
      const held: Held = { taken, ticket: undefined };
      if (idle.signal.aborted) void keepAlive();
      calls.set(call, held);
      return {
        release: () => free(call),
        handOver(ticket) {
          held.ticket = ticket;
          // No timer of ours keeps a program alive for a request that nobody waits for.
          stopWithoutAny();
          const slot = { account: account(), call, holder: `${holder} handed over`, max: NO_LIMIT };
          held.taken = held.taken
            .then(() => slots().take({ ...slot, leaseMs: HANDED_OVER_MS }))
            .catch(failed("count a request that was handed over"));
        },
      };
    },
  };
}

/** Asks fal for the requests that were handed over: of those nobody here is told that they have ended. */
async function freeEnded({ queue }: SlotOptions, held: HeldSlots): Promise<void> {
  const handedOver = [...held.calls].flatMap(([call, { ticket }]) => (ticket ? [{ call, ticket }] : []));
  await pooled(handedOver, ASKED_AT_ONCE, async ({ call, ticket }) => {
    const hasEnded = await queue.status(ticket, { logs: false }).then(
      ({ status }) => status === "COMPLETED",
      (error: unknown) => isGone(error),
    );
    if (hasEnded) held.free(call);
  });
}
