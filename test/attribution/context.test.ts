import { setTimeout as later } from "node:timers/promises";
import { expect, test } from "vitest";
import { ECHO, ENV, setup } from "../support/setup.ts";

/** A client whose calls are told apart by their input. */
function world(env = {}) {
  const { fal, emulator } = setup({ env: { ...ENV, ...env } });
  return {
    fal,
    submit: (n: number, tags = {}) => fal.queue.submit(ECHO, { input: { n }, tags }),
    tagsOf: (n: number) => emulator.jobs.find(({ input }) => (input as { n: number }).n === n)?.tags,
  };
}

test("withTags puts tags on every call beneath it, nesting merges, and the inner one wins", async () => {
  const { fal, submit, tagsOf } = world();
  await fal.withTags({ customer: "acme", stage: "outer" }, async () => {
    await submit(1);
    await fal.withTags({ stage: "inner", team: "x" }, () => submit(2, { team: "y" }));
    await submit(3);
  });
  await submit(4);
  expect([1, 2, 3, 4].map(tagsOf)).toEqual([
    { customer: "acme", stage: "outer" },
    { customer: "acme", stage: "inner", team: "y" },
    { customer: "acme", stage: "outer" },
    {},
  ]);
});

test("tags stay with their branch across Promise.all, timers and microtasks", async () => {
  const { fal, submit, tagsOf } = world();
  const branch = (n: number) =>
    fal.withTags({ customer: `c${n}` }, async () => {
      await later(5 - (n % 5));
      await Promise.all([submit(n * 10), later(1).then(() => submit(n * 10 + 1))]);
      await new Promise<void>((resolve, reject) => {
        setTimeout(() => void submit(n * 10 + 2).then(() => resolve(), reject), 1);
      });
    });
  const branches = [1, 2, 3, 4, 5, 6];
  await Promise.all(branches.map(branch));
  for (const n of branches) {
    for (const i of [0, 1, 2]) expect(tagsOf(n * 10 + i)).toEqual({ customer: `c${n}` });
  }
});

test("the context is taken where the call is made, not where it is awaited", async () => {
  const { fal, emulator } = setup();
  const call = fal.withTags({ customer: "acme" }, () => fal.subscribe(ECHO, { input: {} }));
  await fal.withTags({ customer: "other" }, () => call);
  expect(emulator.jobs[0]?.tags).toEqual({ customer: "acme" });
});

test("withTags gives what its function gives, and throws what it throws", () => {
  const { fal } = world();
  expect(fal.withTags({ a: "1" }, () => 42)).toBe(42);
  expect(() =>
    fal.withTags({ a: "1" }, () => {
      throw new Error("mine");
    }),
  ).toThrow("mine");
});

test.each([
  ["a Request", new Request("https://app.test/", { headers: { "X-Fal-Request-Id": "req-1" } })],
  ["Headers", new Headers({ "x-fal-request-id": "req-1" })],
  ["Node's request", { headers: { "x-fal-request-id": "req-1", cookie: ["a"] } }],
])("withRequest attributes calls to the incoming request, given as %s", async (_, request) => {
  const { fal, submit, tagsOf } = world({ FAL_JOB_ID: "job-1" });
  await fal.withRequest(request, () => submit(1));
  expect(tagsOf(1)).toEqual({ job_id: "job-1", request: "req-1" });
});

test("a request without an id attributes to none, not to the one around it", async () => {
  const { fal, submit, tagsOf } = world();
  await fal.withRequest(new Headers({ "x-fal-request-id": "outer" }), () =>
    fal.withTags({ a: "1" }, () => fal.withRequest({ headers: {} }, () => submit(1))),
  );
  expect(tagsOf(1)).toEqual({ a: "1" });
});
