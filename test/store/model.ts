import { memoryStore, type Store } from "fal-chain";
import { type VirtualClock, virtualClock } from "fal-chain/emulator";
import fc from "fast-check";
import { expect, test } from "vitest";
import { claim, error, intent, outcome, owner, ticket, unbilled } from "./samples.ts";

/** One thing that is asked of a store; two stores that were told the same answer the same. */
type Ask = (store: Store) => Promise<unknown>;

const call = fc.constantFrom("a", "b", "c", "d");
const run = fc.constantFrom("1", "2");
const at = fc.integer({ min: 1, max: 1_000 });
const fence = fc.record({ chain: fc.constant("poster"), run, epoch: fc.integer({ min: 1, max: 3 }) });
const maybe = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: undefined });
const reservation = fc.record({
  budget: fc.constantFrom("x", "y"),
  window: fc.constantFrom(0, 1),
  limitNanoUsd: fc.constantFrom(20, 30),
  nanoUsd: fc.integer({ min: 0, max: 20 }),
});
const cost = fc.oneof(
  fc.record({
    source: fc.constantFrom("estimated" as const, "measured" as const, "invoiced" as const),
    nanoUsd: fc.integer({ min: 0, max: 20 }),
  }),
  fc.constant({ source: "unknown" as const, reason: "no_price" as const }),
);
const terms = fc.record({
  fence: maybe(fence),
  replaces: maybe(call),
  reserve: maybe(fc.array(reservation, { maxLength: 3 })),
});
const state = fc.constantFrom("completed" as const, "failed" as const, "blocked" as const);
const reopen = fc.subarray(["completed", "failed", "cancelled", "blocked"] as const);

const ask: fc.Arbitrary<Ask> = fc.oneof(
  fc.tuple(call, maybe(run), maybe(fc.constantFrom("k1", "k2")), at, terms).map(
    ([id, run, key, at, terms]): Ask =>
      (store) =>
        store.calls.intend(intent(id, run ? { chain: "poster", run, key, at } : { at }), terms),
  ),
  fc.tuple(call, fc.constantFrom("r1", "r2"), at).map(
    ([id, request, at]): Ask =>
      (store) =>
        store.calls.submitted(id, ticket(request), at),
  ),
  fc.tuple(call, at).map(
    ([id, at]): Ask =>
      (store) =>
        store.calls.ambiguous(id, "ECONNRESET", at),
  ),
  fc.tuple(call, at, maybe(fc.constant(error))).map(
    ([id, at, told]): Ask =>
      (store) =>
        store.calls.givenUp(id, "caller", at, told),
  ),
  fc.tuple(call, at).map(
    ([id, at]): Ask =>
      (store) =>
        store.calls.completed(id, outcome, at),
  ),
  fc.tuple(call, at, fc.constantFrom(error, unbilled)).map(
    ([id, at, error]): Ask =>
      (store) =>
        store.calls.failed(id, error, at),
  ),
  fc.tuple(call, cost, at).map(
    ([id, cost, at]): Ask =>
      (store) =>
        store.calls.charged(id, cost, at),
  ),
  call.map(
    (id): Ask =>
      (store) =>
        store.calls.reused(id),
  ),
  fc
    .record({
      id: run,
      pid: maybe(fc.integer({ min: 1, max: 2 })),
      evict: maybe(fc.constant(1)),
      reopen,
      at,
      budget: maybe(fc.constantFrom({ usd: 1 }, { usd: 2 })),
    })
    .map(
      ({ id, pid, evict, reopen, at, budget }): Ask =>
        (store) =>
          store.runs.claim(
            claim(id, {
              owner: pid === undefined ? pid : owner(pid),
              leaseMs: 60_000,
              evict,
              reopen,
              at,
              budget,
            }),
          ),
    ),
  fence.map(
    (fence): Ask =>
      (store) =>
        store.runs.renew(fence, 60_000),
  ),
  fc.array(fence, { maxLength: 4 }).map(
    (fences): Ask =>
      (store) =>
        store.runs.renewAll(fences, 60_000),
  ),
  fence.map(
    (fence): Ask =>
      (store) =>
        store.runs.release(fence),
  ),
  fc.tuple(fence, state, at).map(
    ([fence, state, at]): Ask =>
      (store) =>
        store.runs.end(fence, { state, output: state === "completed" ? '"out"' : undefined }, at),
  ),
  fc.tuple(run, at).map(
    ([id, at]): Ask =>
      (store) =>
        store.runs.cancel("poster", id, "why", at),
  ),
  run.map(
    (id): Ask =>
      (store) =>
        store.runs.forget("poster", id),
  ),
  fc.tuple(fence, fc.constantFrom("k1", "k2"), at).map(
    ([fence, key, at]): Ask =>
      (store) =>
        store.runs.saveStep(fence, { key, name: key, value: `${at}`, error: undefined, at }),
  ),
  fence.map(
    (fence): Ask =>
      (store) =>
        store.runs.dropSteps(fence, ["k1"]),
  ),
  fc.tuple(fence, fc.array(fc.json(), { maxLength: 3 })).map(
    ([fence, events]): Ask =>
      (store) =>
        store.runs.appendEvents(fence, events),
  ),
  fc.tuple(call, fc.constantFrom("here", "there")).map(
    ([call, holder]): Ask =>
      (store) =>
        store.slots.take({ account: "acme", call, holder, max: 2, leaseMs: 60_000 }),
  ),
  fc.constantFrom("here", "there").map(
    (holder): Ask =>
      (store) =>
        store.slots.renew(holder, 60_000),
  ),
  call.map(
    (call): Ask =>
      (store) =>
        store.slots.free(call),
  ),
);
const step = fc.oneof({ weight: 12, arbitrary: ask }, { weight: 1, arbitrary: fc.constant(undefined) });

/** What it answered, or what it refused with. */
const answer = (store: Store, ask: Ask): Promise<unknown> =>
  ask(store).catch(({ code, message }) => ({ code, message }));

async function everything(store: Store) {
  const of = async (run: string) => [
    await store.runs.steps("poster", run),
    await store.runs.events("poster", run, 0),
    await store.calls.list({ chain: "poster", run }),
  ];
  return [await store.calls.list(), await store.runs.list(), await of("1"), await of("2")];
}

/** Whatever is asked in whatever order, a store answers and keeps what the memory store does. */
export function agreesWithMemory(
  name: string,
  {
    fresh,
    runs,
  }: {
    fresh: (clock: VirtualClock) => Promise<{ store: Store; pass(ms: number): Promise<void> }>;
    runs: number;
  },
): void {
  test(`${name} answers whatever is asked as the memory store does`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const clock = virtualClock();
        const memory = memoryStore({ clock });
        const { store, pass } = await fresh(virtualClock());
        for (const step of steps) {
          if (step) expect(await answer(store, step)).toStrictEqual(await answer(memory, step));
          else await Promise.all([pass(30_000), clock.advance(30_000)]);
        }
        expect(await everything(store)).toStrictEqual(await everything(memory));
        await store.close();
      }),
      { numRuns: runs },
    );
  }, 60_000);
}
