import { createFal } from "fal-chain";
import { createEmulator, virtualClock } from "fal-chain/emulator";
import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { ECHO, ENV } from "../support/setup.ts";
import { losing, wireFetch } from "../support/wire.ts";

const MINUTE = 60_000;

/** A client whose clock is so far ahead of fal's, and whose submit loses its answer. */
function skewed(ms: number) {
  const clock = virtualClock();
  const emulator = createEmulator({ clock, models: [echo()] });
  const mine = { now: () => clock.now() + ms, sleep: clock.sleep };
  const fetch = wireFetch((request) => emulator.fetch(request), { wire: losing("submit", 1), clock });
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
