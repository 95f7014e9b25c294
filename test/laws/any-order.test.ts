import { getEventListeners } from "node:events";
import { createFal, FalError, memoryStore, type Store } from "fal-chain";
import { createEmulator, type FaultText, virtualClock } from "fal-chain/emulator";
import fc from "fast-check";
import { expect, test } from "vitest";
import { cases } from "../support/cases.ts";
import { echo } from "../support/models.ts";
import { RATES } from "../support/rates.ts";
import { collect, ECHO, ENV } from "../support/setup.ts";

// Laws 2, 4 and 6 for a call to which anything happens in any order: faults, an abort, a timeout, a cancel().

const faults = fc.array(
  fc
    .constantFrom(...(["submit", "status", "stream", "result", "platform", "cancel"] as const))
    .chain((operation) =>
      fc.record({
        operation: fc.constant(operation),
        fault: fc.constantFrom(...(Object.keys(RATES[operation]) as FaultText[])),
        times: fc.integer({ min: 1, max: 3 }),
      }),
    ),
  { maxLength: 5 },
);
const moment = fc.option(fc.integer({ min: 0, max: 12_000 }), { nil: undefined });
const story = fc.record({
  faults,
  abortAt: moment,
  cancelAt: moment,
  timeout: fc.option(fc.integer({ min: 1, max: 100_000 }), { nil: undefined }),
  mode: fc.constantFrom("auto" as const, "polling" as const, "streaming" as const),
  cancelOnAbort: fc.boolean(),
  lagMs: fc.constantFrom(0, 5_000, 3_600_000),
});

/** What a store is told of one call, in the order in which it is. */
const LEGAL = new RegExp(
  [
    "^(intended",
    // In doubt, then found; or known at once.
    "( ambiguous)?( submitted)?",
    "( charged)*( completed| failed| given-up)?( charged)*",
    // Whoever gave up no longer waits, and what comes to light after it is noted all the same.
    "( ambiguous)?( submitted)?( charged)*)?$",
  ].join(""),
);

function noting(notes: string[]): Store {
  const store = memoryStore();
  const as =
    <A extends unknown[]>(note: string, write: (...args: A) => Promise<void>) =>
    (...args: A) => {
      notes.push(note);
      return write(...args);
    };
  return {
    ...store,
    calls: {
      ...store.calls,
      intend: as("intended", store.calls.intend),
      submitted: as("submitted", store.calls.submitted),
      ambiguous: as("ambiguous", store.calls.ambiguous),
      completed: as("completed", store.calls.completed),
      failed: as("failed", store.calls.failed),
      givenUp: as("given-up", store.calls.givenUp),
      charged: as("charged", store.calls.charged),
    },
  };
}

test("a call ends once, for its caller as for its store, and leaves nothing", async () => {
  await fc.assert(
    fc.asyncProperty(story, async ({ faults, abortAt, cancelAt, timeout, lagMs, ...options }) => {
      const clock = virtualClock();
      const emulator = createEmulator({ clock, models: [echo({ lines: ["a", "b"] })], history: { lagMs } });
      for (const { operation, fault, times } of faults) emulator.faults.next(operation, fault, times);
      const notes: string[] = [];
      const store = noting(notes);
      let sent = 0;
      const fal = createFal({
        env: ENV,
        clock,
        store,
        random: () => 0.5,
        logger: { warn: (_, message) => expect.fail(message) },
        fetch: (input, init) => {
          sent += 1;
          return emulator.fetch(new Request(input, init));
        },
      });
      const user = new AbortController();
      const call = fal.subscribe(ECHO, {
        input: {},
        logs: true,
        abortSignal: user.signal,
        ...options,
        ...(timeout !== undefined && { timeout }),
      });
      const looped = collect(call);
      const later = async (ms: number | undefined, act: () => unknown) => {
        if (ms !== undefined) await clock.sleep(ms).then(act);
      };
      const acts = [later(abortAt, () => user.abort()), later(cancelAt, () => call.cancel())];

      const error: unknown = await call.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      const { seen, error: thrown } = await looped;
      expect(thrown).toBe(error);
      expect(seen.filter(({ type }) => type === "completed")).toHaveLength(error === undefined ? 1 : 0);
      if (error !== undefined) expect(error).toBeInstanceOf(FalError);
      const outcome = await (error as { cancel?: Promise<string> } | undefined)?.cancel;
      if (outcome !== undefined)
        expect(["in-time", "requested", "too-late", "not-sent", "unknown"]).toContain(outcome);
      await fal.close();
      await Promise.all(acts);

      const calm = sent;
      await clock.sleep(600_000);
      expect(sent).toBe(calm);
      expect(getEventListeners(user.signal, "abort")).toEqual([]);
      await emulator.close();
      expect(clock.sleepers).toBe(0);

      expect(notes.join(" ")).toMatch(LEGAL);
      expect(emulator.jobs.length).toBeLessThanOrEqual(1);
      const [record] = await store.calls.list();
      const [job] = emulator.jobs;
      const isKnown = record?.ticket?.requestId === job?.requestId;
      if (job) expect(isKnown || record?.state === "ambiguous").toBe(true);
      if (outcome === "requested" || outcome === "in-time") expect(job?.cancelled).toBe(true);
      if (options.cancelOnAbort === false && cancelAt === undefined)
        expect(job?.cancelled ?? false).toBe(false);
    }),
    { numRuns: cases(150) },
  );
}, 30_000);
