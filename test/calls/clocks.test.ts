import { type AmbiguousSubmitError, createFal, type Fal } from "fal-chain";
import { createEmulator, virtualClock } from "fal-chain/emulator";
import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { processes } from "../support/processes.ts";
import { ECHO, ENV } from "../support/setup.ts";
import { losing, type Wire, wireFetch } from "../support/wire.ts";

const MINUTE = 60_000;

/** A client whose clock is so far ahead of fal's, and whose submit loses its answer. */
function skewed(ms: number, also: Wire = (_, forward) => forward()) {
  const clock = virtualClock();
  const emulator = createEmulator({ clock, models: [echo()] });
  const mine = { now: () => clock.now() + ms, sleep: clock.sleep };
  const lost = losing("submit", 1);
  const wire: Wire = (request, forward) => also(request, async () => lost(request, forward));
  const fetch = wireFetch((request) => emulator.fetch(request), { wire, clock });
  return { emulator, fal: createFal({ env: ENV, clock: mine, random: () => 0.5, fetch }) };
}

test.each([-60, -6, -2, 0, 2, 6, 60, 24 * 60])(
  "a lost answer is found with a clock that is %i minutes ahead, and nothing is paid twice",
  async (minutes) => {
    for (const ambiguousSubmit of ["look-up", "resubmit-if-unseen"] as const) {
      const { fal, emulator } = skewed(minutes * MINUTE);
      const { requestId } = await fal.subscribe(ECHO, { input: { n: 1 }, ambiguousSubmit });
      expect(emulator.jobs.map((job) => job.requestId)).toEqual([requestId]);
    }
  },
);

test.each([-60, -6, 0, 6, 60])(
  "history without a Date says nothing of what it does not show, with a clock that is %i minutes ahead",
  async (minutes) => {
    const undated: Wire = async (_, forward) => {
      const reply = await forward();
      reply.headers.delete("date");
      return reply;
    };
    const { fal, emulator } = skewed(minutes * MINUTE, undated);
    const outcome = await fal
      .subscribe(ECHO, { input: { n: 1 }, ambiguousSubmit: "resubmit-if-unseen" })
      .then(
        ({ requestId }) => requestId,
        (error: AmbiguousSubmitError) => error.verdict,
      );
    expect(emulator.jobs).toHaveLength(1);
    expect(["unknown", emulator.jobs[0]?.requestId]).toContain(outcome);
  },
);

test.each([0, 3, 6, 9, 60])(
  "a submit of a process whose clock was %i minutes ahead is not paid twice by one whose clock is right",
  async (minutes) => {
    for (const later of [1_000, 12 * MINUTE]) {
      const { clock, emulator, start } = processes();
      const fast = { now: () => clock.now() + minutes * MINUTE, sleep: clock.sleep };
      const chain = (fal: Fal) =>
        fal.chain("one", async () => (await fal.subscribe(ECHO, { input: { n: 1 } })).data);
      const policy = { ambiguousSubmit: "resubmit-if-unseen" } as const;
      const first = start({ ...policy, clock: fast, wire: losing("submit", 1), lease: { leaseMs: 1_000 } });
      void chain(first.fal)
        .start(undefined, { id: "a" })
        .catch(() => {});
      while (emulator.jobs.length === 0) await new Promise(setImmediate);
      first.kill();
      await clock.sleep(later + minutes * MINUTE * Number(minutes < 60));
      const from = clock.now();
      await Promise.resolve(chain(start(policy).fal).resume("a")).catch(() => {});
      expect(emulator.jobs).toHaveLength(1);
      expect(clock.now() - from).toBeLessThan(3 * MINUTE);
    }
  },
);

test.each([-90, -2, 2, 90])(
  "a lost answer is found though the clock was set by %i minutes since the submit, and nothing is paid twice",
  async (minutes) => {
    for (const ambiguousSubmit of ["look-up", "resubmit-if-unseen"] as const) {
      const clock = virtualClock();
      // History lags: one look is not enough.
      const emulator = createEmulator({ clock, models: [echo()], history: { lagMs: 20_000 } });
      let set = 0;
      const mine = { now: () => clock.now() + set, sleep: clock.sleep, elapsed: () => clock.now() };
      const lost = losing("submit", 1);
      const wire: typeof lost = async (request, forward) => {
        try {
          return await lost(request, forward);
        } finally {
          if (request.method === "POST") set = minutes * MINUTE;
        }
      };
      const fetch = wireFetch((request) => emulator.fetch(request), { wire, clock });
      const fal = createFal({ env: ENV, clock: mine, random: () => 0.5, fetch });
      const { requestId } = await fal.subscribe(ECHO, { input: { n: 1 }, ambiguousSubmit });
      expect(emulator.jobs.map((job) => job.requestId)).toEqual([requestId]);
    }
  },
);
