import { expect, test } from "vitest";
import { processes } from "../support/processes.ts";
import { collect, ECHO, failureOf } from "../support/setup.ts";

test("a run that was added waits, and is the same run when it is started", async () => {
  const { emulator, start } = processes();
  const front = start();
  const added = await front.fal.runs.add("once", { n: 1 }, { id: "a", tags: { customer: "acme" } });
  expect(added).toMatchObject({
    state: "waiting",
    input: { n: 1 },
    tags: { customer: "acme" },
    executions: 0,
  });
  expect(await front.fal.runs.get("once", "a")).toEqual(added);

  const back = start();
  const once = back.fal.chain("once", async (input: { n: number }) => {
    await back.fal.subscribe(ECHO, { input });
    return input.n + 1;
  });
  // Nobody has begun it, so there is nothing to go on with.
  expect(await back.fal.runs.resumeAll()).toEqual([]);
  const run = once.start({ n: 1 }, { id: "a" });
  const { seen } = await collect(run);
  expect(seen[0]).toMatchObject({ type: "started" });
  expect(await run).toBe(2);
  expect(emulator.jobs[0]?.tags["customer"]).toBe("acme");
  expect(await front.fal.runs.add("once", { n: 1 }, { id: "a" })).toMatchObject({
    state: "completed",
    output: 2,
    executions: 1,
  });
});

test("what is added is checked as what is started", async () => {
  const { fal } = processes().start();
  const add = (input: unknown, options: object) => failureOf(fal.runs.add("once", input, options));
  expect(await add({ n: Number.NaN }, { id: "a" })).toMatchObject({ code: "invalid_argument" });
  expect(await add({ n: 1 }, { id: "a", tags: { "No good": 1 } })).toMatchObject({
    code: "invalid_argument",
  });
  expect(await add({ n: 1 }, { id: " " })).toMatchObject({ code: "invalid_argument" });
  await fal.runs.add("once", { n: 1 }, { id: "a" });
  expect(await add({ n: 2 }, { id: "a" })).toMatchObject({ code: "run_input_mismatch" });
});

test("a run that waits is cancelled at once, and is not executed after that", async () => {
  const { emulator, start } = processes();
  const { fal } = start();
  await fal.runs.add("once", undefined, { id: "a" });
  expect(await fal.runs.cancel("once", "a")).toBe("cancelled");
  const once = fal.chain("once", async () => fal.subscribe(ECHO, { input: { n: 1 } }).then(() => 1));
  expect(await failureOf(once.start(undefined, { id: "a" }))).toMatchObject({ name: "AbortError" });
  expect(emulator.jobs).toEqual([]);
});
