import { setTimeout as pause } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { echo } from "../support/models.ts";
import { appOf, home } from "./home-stage.ts";

const STEPS = 12;
const STEP = echo({ id: "acme/step", seconds: 10 });

type Stage = Awaited<ReturnType<typeof home>>;

const submitsOf = ({ emulator }: Stage, order: string) =>
  emulator.jobs.flatMap(({ endpoint, input }) => {
    const given = input as { order: string; step: number };
    return endpoint === STEP.id && given.order === order ? [given.step] : [];
  });

/** A request whose runner is killed whenever it has submitted a step that none has submitted before, so many times. */
async function killed(stage: Stage, order: string, times: number) {
  const requestId = await stage.submit("steps", { order, steps: STEPS });
  const killedAt: number[] = [];
  while (killedAt.length < times) {
    const seen = submitsOf(stage, order).length;
    const hasGoneOn = () => submitsOf(stage, order).length > seen;
    await vi.waitUntil(hasGoneOn, { timeout: 60_000, interval: 2 });
    // At once, so that the answer may not have arrived; or a little later, so that it has.
    await pause(killedAt.length % 3 === 0 ? 0 : killedAt.length * 15);
    if (stage.emulator.fleets.get("me/steps")?.kill(1)) killedAt.push(submitsOf(stage, order).length);
  }
  return { job: await stage.done(requestId, 60_000), killedAt, submits: submitsOf(stage, order) };
}

test("killed ten times in a row in mid-chain, an app has ended its requests, each step submitted once", async () => {
  const stage = await home([appOf("steps")], { emulator: { models: [STEP] } });
  // As often as fal tries a request again, and then the next one.
  const first = await killed(stage, "order-1", 9);
  const second = await killed(stage, "order-2", 1);
  for (const { job, killedAt, submits } of [first, second]) {
    expect(job).toMatchObject({ result: { status: 200, body: { last: { echo: { step: STEPS } } } } });
    expect(submits).toEqual(Array.from({ length: STEPS }, (_, nth) => nth + 1));
    // In mid-chain: after the first step, and before the last.
    expect(killedAt.every((steps) => steps >= 1 && steps < STEPS)).toBe(true);
  }
  const attempts = first.job ? first.job.attempts : [];
  const broken = Array.from({ length: 9 }, () => "disconnected");
  expect(attempts.map(({ ending }) => ending)).toEqual([...broken, 200]);
  expect(new Set(attempts.map(({ jobId }) => jobId)).size).toBe(10);
}, 180_000);
