import type { Fal } from "fal-chain";
import { expect, test } from "vitest";
import { EVENTS, STREAMS, streaming } from "../support/models.ts";
import { type Process, processes } from "../support/processes.ts";
import { kindOf } from "../support/wire.ts";

const told = (fal: Fal, seen: unknown[] = [], onEvent: (n: number) => void = () => {}) =>
  fal.chain("told", async () => {
    const stream = await fal.stream(STREAMS, { input: { prompt: "a fox" } });
    for await (const event of stream) onEvent(seen.push(event));
    return stream.done();
  });

test.each<
  [
    string,
    (kill: () => void) => { process: Parameters<ReturnType<typeof processes>["start"]>[0]; at?: number },
  ]
>([
  [
    "when its answer begins",
    (kill) => ({
      process: {
        wire: async (request, forward) => {
          const answer = await forward();
          if (kindOf(request) === "submit") kill();
          return answer;
        },
      },
    }),
  ],
  ["after its first event", () => ({ process: {}, at: 1 })],
  ["after its last event", () => ({ process: {}, at: EVENTS.length })],
  [
    "before its result is noted",
    (kill) => ({
      process: {
        onStore: (name, when) => {
          if (name.endsWith("completed") && when === "before") kill();
        },
      },
    }),
  ],
])("a run that is killed %s asks for what its stream gave, and pays nothing again", async (_, how) => {
  const { start, emulator } = processes({ models: [streaming()] });
  const mortal: { process?: Process } = {};
  const { process, at } = how(() => mortal.process?.kill());
  mortal.process = start(process);
  void told(mortal.process.fal, [], (n) => n === at && mortal.process?.kill()).start(undefined, { id: "a" });
  const seen: unknown[] = [];
  expect(await told(start().fal, seen).start(undefined, { id: "a" })).toEqual(EVENTS.at(-1));
  expect(seen).toEqual([EVENTS.at(-1)]);
  expect(emulator.jobs).toHaveLength(1);
});

test("a run that is let go reads its stream to the end, for whoever goes on with it", async () => {
  const { start, emulator } = processes({ models: [streaming()] });
  const first = start();
  const begun = Promise.withResolvers<void>();
  void told(first.fal, [], () => begun.resolve()).start(undefined, { id: "a" });
  await begun.promise;
  await first.fal.close();
  expect(emulator.jobs).toMatchObject([{ state: "COMPLETED", cancelled: false }]);
  const { fal, sent } = start();
  expect(await told(fal).start(undefined, { id: "a" })).toEqual(EVENTS.at(-1));
  expect(sent).toEqual([]);
});

test("where the context is lost, the run itself streams, and what it gave is the run's", async () => {
  const { start, emulator } = processes({ models: [streaming()] });
  const { fal } = start();
  const lost = (fn: () => Promise<unknown>) =>
    new Promise<unknown>((resolve) => outside.push(() => resolve(fn())));
  const outside: (() => void)[] = [];
  const chain = fal.chain("told", async (_: unknown, run) =>
    lost(async () => (await run.stream(STREAMS, { input: { prompt: "a fox" }, step: "tell" })).done()),
  );
  const run = chain.start(undefined, { id: "a" });
  run.catch(() => {});
  await expect.poll(() => outside.length).toBe(1);
  outside[0]?.();
  expect(await run).toEqual(EVENTS.at(-1));
  expect(await fal.calls.list()).toMatchObject([{ for: { run: "a", step: "tell" }, state: "completed" }]);
  expect(emulator.jobs).toHaveLength(1);
});
