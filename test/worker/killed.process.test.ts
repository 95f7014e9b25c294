import type { Emulator } from "fal-chain/emulator";
import { expect, test } from "vitest";
import { site } from "./site.ts";
import { three } from "./three.ts";

const IDS = Array.from({ length: 8 }, (_, n) => `order-${n}`);
const EACH_CALL_ONCE = IDS.flatMap((run) => [1, 2, 3].map((call) => `${run}: ${call}`)).sort();

/** What the emulator accepted. */
const submits = ({ jobs }: Emulator): string[] =>
  jobs
    .map(({ input }) => input as { run: string; call: number })
    .map(({ run, call }) => `${run}: ${call}`)
    .sort();

test("when a worker is killed in mid-run, another one finishes its runs, and no call is paid twice", async () => {
  const killed = Promise.withResolvers<void>();
  const hold = ({ call }: { call?: unknown }) => (call === 2 ? killed.promise : undefined);
  const { emulator, fal, queue, process } = await site({ hold });
  const [first, second] = [process(), process()];
  await Promise.all([first.until("ready"), second.until("ready")]);
  for (const id of IDS) await queue.enqueue(three(fal), { run: id }, { id });
  await Promise.all([first.until("taken", 4), second.until("taken", 4)]);
  // Each run waits for its second call, and no submit is under way: that one could be in doubt.
  const waiting = async () => (await fal.calls.list({ state: "submitted" })).length;
  while (emulator.jobs.length < 2 * IDS.length || (await waiting()) < IDS.length) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  first.kill("SIGKILL");
  await first.ended;
  killed.resolve();

  await second.until("completed", IDS.length);
  expect(submits(emulator)).toEqual(EACH_CALL_ONCE);
  const executions = (await fal.runs.list()).map(({ executions }) => executions).sort();
  expect(executions).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);
  expect((await fal.runs.list()).map(({ id, state, output }) => [id, state, output]).sort()).toEqual(
    IDS.map((id) => [id, "completed", id]),
  );
}, 40_000);

test("a worker that is stopped hands its runs over at once, and cancels nothing", async () => {
  const { emulator, fal, queue, process } = await site({ callMs: 400 });
  const first = process({ concurrency: 8 });
  await first.until("ready");
  for (const id of IDS) await queue.enqueue("three", { run: id }, { id });
  await first.until("taken", IDS.length);
  while (emulator.jobs.length < 4) await new Promise((resolve) => setTimeout(resolve, 5));
  first.kill("SIGTERM");
  expect(await first.ended).toEqual({ code: 0, stderr: "" });
  const handedBack = first.events.filter(({ type }) => type === "handed-back").length;
  expect(handedBack).toBeGreaterThan(0);

  const second = process({ concurrency: 8 });
  await second.until("completed", handedBack);
  expect(submits(emulator)).toEqual(EACH_CALL_ONCE);
  expect(emulator.jobs.filter(({ cancelled }) => cancelled)).toEqual([]);
  expect((await fal.runs.list()).map(({ state }) => state)).toEqual(IDS.map(() => "completed"));
}, 40_000);
