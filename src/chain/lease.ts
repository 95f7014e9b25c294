import { LeaseLostError } from "../errors/runs.ts";
import type { Fence, Renewed } from "../journal/run.ts";
import { runName } from "../journal/run-name.ts";
import type { Store } from "../journal/store.ts";
import { cancelRun, type LiveRun } from "./live-run.ts";
import type { ChainServices } from "./services.ts";

export interface Lease {
  /** Makes sure, at this very moment, that the run is ours. @throws {LeaseLostError} */
  permit(): Promise<void>;
  stop(): void;
}

/** So that a cancel from elsewhere is heard soon. */
const LONGEST_BEAT_MS = 3_000;
/** How often a permit is asked for again because getting it took too long. */
const MAX_TRIES = 3;
/** Beats without an answer of the store after which that is said. */
const SILENT_BEATS = 3;

/**
 * A run that is kept ours. All times are taken before the store is asked, so a process that was stopped in between finds,
 * when it wakes, that its knowledge is old: it asks again before it sends anything.
 */
interface Held {
  readonly live: LiveRun;
  readonly fence: Fence;
  /** Aborted when the run is lost. */
  readonly released: AbortController;
  heldSince: number;
}

/** The runs of a store that are kept ours here: all of them with one timer, and one question to the store. */
interface Keeper {
  /** Of the run that came last. */
  services: ChainServices;
  readonly held: Set<Held>;
  /** Aborts when there is none left. */
  idle: AbortController;
  /** How many beats the question that is under way has been without an answer; undefined where there is none. */
  unanswered: number | undefined;
}

const keepers = new WeakMap<Store, Keeper>();

/**
 * Keeps a run ours.
 *
 * @param since When the claim was sent off: the lease began no earlier.
 * @param released Aborted when the run is lost.
 */
export function keepLease(live: LiveRun, fence: Fence, since: number, released: AbortController): Lease {
  const { store, clock, lease: settings } = live.services;
  const one: Held = { live, fence, released, heldSince: since };
  const keeper = keeperOf(live.services);
  keeper.held.add(one);
  if (keeper.held.size === 1) void beat(keeper);
  return {
    async permit() {
      for (let tries = 0; clock.now() - one.heldSince > settings.sendWindowMs; tries++) {
        if (tries === MAX_TRIES) throw new LeaseLostError(fence);
        const asked = clock.now();
        heed(keeper, one, await store.runs.renew(fence, settings.leaseMs), asked);
        if (!keeper.held.has(one)) throw new LeaseLostError(fence);
      }
      if (!keeper.held.has(one)) throw new LeaseLostError(fence);
    },
    stop: () => drop(keeper, one),
  };
}

function keeperOf(services: ChainServices): Keeper {
  const { store } = services;
  const known = keepers.get(store);
  if (known) return Object.assign(known, { services });
  const keeper: Keeper = { services, held: new Set(), idle: new AbortController(), unanswered: undefined };
  keepers.set(store, keeper);
  return keeper;
}

async function beat(keeper: Keeper): Promise<void> {
  const idle = new AbortController();
  keeper.idle = idle;
  while (!idle.signal.aborted) {
    const { clock, lease, store, report } = keeper.services;
    await clock.sleep(Math.min(lease.leaseMs / 3, LONGEST_BEAT_MS), idle.signal).catch(() => {});
    if (idle.signal.aborted) return;
    if (keeper.unanswered === undefined) {
      keeper.unanswered = 0;
      void renewAll(keeper);
      continue;
    }
    keeper.unanswered++;
    if (keeper.unanswered === SILENT_BEATS) {
      report(`The store ${store.name} does not answer`, new Error(`the leases of ${names(keeper)} run out`));
    }
    // A process that was stopped finds the answer when it wakes: it is given a beat to read it.
    if (keeper.unanswered > 1) loseOver(keeper);
  }
}

async function renewAll(keeper: Keeper): Promise<void> {
  const { store, clock, lease, report } = keeper.services;
  const asked = clock.now();
  const held = [...keeper.held];
  try {
    const renewed = await store.runs.renewAll(
      held.map(({ fence }) => fence),
      lease.leaseMs,
    );
    for (const [n, one] of held.entries()) heed(keeper, one, renewed[n], asked);
  } catch (error) {
    if (keeper.held.size === 0) return;
    report(`The store could not renew the lease of ${names(keeper)}`, error);
    // A store that is away for a moment costs nothing; one that is away for longer may have let others in.
    loseOver(keeper);
  } finally {
    keeper.unanswered = undefined;
  }
}

/** @param answer Undefined where the store could not say: it is asked again at the next beat. */
function heed(keeper: Keeper, one: Held, answer: Renewed | undefined, asked: number): void {
  if (!answer || !keeper.held.has(one)) return;
  if (!answer.held) {
    lose(keeper, one);
    return;
  }
  one.heldSince = Math.max(one.heldSince, asked);
  if (answer.cancelReason !== undefined) cancelRun(one.live, answer.cancelReason);
}

/** What is over by the clock is over, whatever the store would say if it said anything. */
function loseOver(keeper: Keeper): void {
  const { clock, lease } = keeper.services;
  for (const one of keeper.held) if (clock.now() - one.heldSince > lease.leaseMs) lose(keeper, one);
}

function lose(keeper: Keeper, one: Held): void {
  drop(keeper, one);
  one.released.abort(new LeaseLostError(one.fence));
}

function drop({ held, idle }: Keeper, one: Held): void {
  held.delete(one);
  if (held.size === 0) idle.abort();
}

function names({ held }: Keeper): string {
  const [first] = held;
  const name = first ? `run ${runName(first.fence.chain, first.fence.run)}` : "no run";
  return held.size > 1 ? `${name} and ${held.size - 1} more` : name;
}
