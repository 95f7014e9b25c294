import { createFal, memoryStore } from "fal-chain";
import { expect, test } from "vitest";
import { ECHO, setup } from "../support/setup.ts";

test("a run comes first, then the runs within it and what apps of ours did for it, as they began", async () => {
  const store = memoryStore({ keepEnded: 1_000 });
  const { fal, clock, emulator } = setup({ store });
  const inner = fal.chain("inner", async (n: number) => void (await fal.subscribe(ECHO, { input: { n } })));
  const outer = fal.chain("outer", async () => {
    await fal.subscribe(ECHO, { input: { n: 0 } });
    await inner.start(1);
    await inner.start(2);
  });
  await outer.start(undefined, { id: "a" });
  await outer.start(undefined, { id: "b" });

  // An app of ours that was called for it, and makes a call outside of any run.
  const app = createFal({
    env: { FAL_KEY: "a:b", FAL_JOB_ID: "job-2", FAL_USER_NICKNAME: "acme" },
    store,
    clock,
    fetch: async (...call) => emulator.fetch(new Request(...call)),
  });
  const headers = new Headers({ "x-fal-caller-user-id": "acme", baggage: "fal-chain.root-run=outer%2Fa" });
  await app.withRequest(headers, () => app.subscribe(ECHO, { input: { n: 3 } }));

  const parts = await fal.runs.parts("outer", "a");
  expect(parts.map(({ run, steps }) => [run, steps.map(({ call }) => call?.body)])).toEqual([
    ["outer/a", ['{"n":0}']],
    [expect.stringMatching(/^inner\/outer\/a#[0-9a-f]{8}$/), ['{"n":1}']],
    [expect.stringMatching(/^inner\/outer\/a#[0-9a-f]{8}$/), ['{"n":2}']],
    [undefined, ['{"n":3}']],
  ]);
  expect(parts[3]?.steps[0]).toMatchObject({ replaced: false, reused: false, scope: "" });

  // What is a part of another run has no parts of its own.
  const id = parts[1]?.run?.slice("inner/".length) ?? "";
  expect((await fal.runs.parts("inner", id)).map(({ run }) => run)).toEqual([`inner/${id}`]);
  expect(await fal.runs.parts("outer", "nothing")).toEqual([{ run: "outer/nothing", steps: [] }]);
});

test("a run that took the id of a forgotten one is counted for what started it, and no more", async () => {
  const { fal } = setup({ store: memoryStore({ keepEnded: 1_000 }) });
  const inner = fal.chain("inner", async () => void (await fal.subscribe(ECHO, { input: {} })));
  const outer = fal.chain("outer", async () => void (await inner.start(undefined, { id: "x" })));
  await outer.start(undefined, { id: "first" });
  await fal.runs.forget("inner", "x");
  await outer.start(undefined, { id: "second" });
  for (const id of ["first", "second"]) {
    const [, part] = await fal.runs.parts("outer", id);
    expect(part?.steps).toHaveLength(1);
    expect((await fal.costs({ rootRun: `outer/${id}` })).total.calls).toBe(1);
  }
});
