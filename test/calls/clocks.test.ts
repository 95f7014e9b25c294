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
