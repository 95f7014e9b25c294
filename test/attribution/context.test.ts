import { EventEmitter } from "node:events";
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

test("a generator's body belongs to where it was made, not to who asks it for more", async () => {
  const { fal, submit, tagsOf } = world();
  async function* calls(from: number) {
    try {
      for (let n = from; n < from + 2; n++) {
        await later(1);
        yield await submit(n);
      }
    } finally {
      await submit(from + 9);
    }
  }
  const both = [1, 2].map((n) => fal.withTags({ made: n }, () => calls(n * 10)));
  await fal.withTags({ read: true }, async () => {
    for await (const _ of both[0] ?? []) await submit(1);
    for await (const _ of both[1] ?? []) break;
  });
  expect([10, 11, 19, 20, 29].map(tagsOf)).toEqual([1, 1, 1, 2, 2].map((n) => ({ made: `${n}` })));
  expect([1, 21].map(tagsOf)).toEqual([{ read: "true" }, undefined]);
});

test("what events call belongs to whoever reads them", async () => {
  const { fal, submit, tagsOf } = world();
  const call = fal.withTags({ of: "call" }, () => fal.subscribe(ECHO, { input: { n: 1 } }));
  await fal.withTags({ of: "reader" }, async () => {
    let n = 2;
    for await (const _ of call) await submit(n++);
    expect(n).toBeGreaterThan(4);
    for (let i = 2; i < n; i++) expect(tagsOf(i)).toEqual({ of: "reader" });
  });
  expect(tagsOf(1)).toEqual({ of: "call" });
});

test("a bound function belongs to where it was bound: as a listener, a stream's source, a task of a pool", async () => {
  const { fal, submit, tagsOf } = world();
  const emitter = new EventEmitter();
  const task = (n: number) => fal.withTags({ n }, () => fal.bind(() => submit(n)));
  const results: Promise<unknown>[] = [];
  const listener = task(1);
  emitter.on("x", () => results.push(listener()));
  const pull = task(2);
  const stream = new ReadableStream({
    async pull(controller) {
      await pull();
      controller.close();
    },
  });
  const queue = [3, 4, 5, 6].map(task);
  await fal.withTags({ other: true }, async () => {
    emitter.emit("x");
    for await (const _ of stream);
    // The workers of a pool live in the context of whoever needed them first.
    const worker = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) await next();
    };
    await Promise.all([worker(), worker(), ...results]);
  });
  for (const n of [1, 2, 3, 4, 5, 6]) expect(tagsOf(n)).toEqual({ n: `${n}` });
});

test("what a run's own methods do belongs to it, also in a pool that another run has made", async () => {
  const { fal, tagsOf } = world();
  const tasks: (() => Promise<unknown>)[] = [];
  const done = Promise.withResolvers<void>();
  const maker = fal.chain("maker", async () => {
    await done.promise;
    await Promise.all(tasks.map((task) => task()));
  });
  const user = fal.chain("user", async (_: undefined, run) => {
    const result = Promise.withResolvers<unknown>();
    tasks.push(async () => {
      const call = run.subscribe(ECHO, { input: { n: 1 } });
      call.then(result.resolve, result.reject);
      await call;
    });
    done.resolve();
    await result.promise;
  });
  const request = new Headers({ "x-fal-request-id": "in-1" });
  const makes = fal.withRequest(request, () =>
    maker.start(undefined, { id: "m", tags: { of: "maker", only: "maker" } }),
  );
  await user.start(undefined, { id: "u", tags: { of: "user" } });
  await makes;
  expect(tagsOf(1)).toEqual({ chain: "user", run: "u", of: "user" });
});

test("tags within a run win over those of the run, in its own methods too", async () => {
  const { fal, tagsOf } = world();
  const chain = fal.chain("c", async (_: undefined, run) => {
    await fal.withTags({ stage: "inner" }, () => run.subscribe(ECHO, { input: { n: 1 } }));
    await run.subscribe(ECHO, { input: { n: 2 } });
  });
  await chain.start(undefined, { id: "1", tags: { stage: "run" } });
  expect([1, 2].map(tagsOf)).toEqual([
    { chain: "c", run: "1", stage: "inner" },
    { chain: "c", run: "1", stage: "run" },
  ]);
});

test("two clients share the tags, and each says for itself who it is", async () => {
  const a = world({ FAL_JOB_ID: "job-a", FAL_APP_NAME: "a" });
  const b = world({ FAL_JOB_ID: "job-b" });
  await a.fal.withTags({ customer: "acme" }, () =>
    Promise.all([a.submit(1), b.submit(1), b.fal.withTags({ stage: "b" }, () => a.submit(2)), b.submit(2)]),
  );
  expect([1, 2].map(a.tagsOf)).toEqual([
    { job_id: "job-a", app: "a", customer: "acme" },
    { job_id: "job-a", app: "a", customer: "acme", stage: "b" },
  ]);
  expect([1, 2].map(b.tagsOf)).toEqual([1, 2].map(() => ({ job_id: "job-b", customer: "acme" })));
});

/** Another library's Headers. */
class TheirHeaders {
  get(name: string): string | null {
    return name.toLowerCase() === "x-fal-request-id" ? "in-1" : null;
  }
}

test.each([
  ["another library's Headers", { headers: new TheirHeaders() as unknown as Headers }],
  ["names in capitals", { headers: { "X-Fal-Request-Id": "in-1" } }],
])("a request is told from %s", async (_, incoming) => {
  const { fal, emulator } = setup();
  await fal.withRequest(incoming, () => fal.subscribe(ECHO, { input: {} }));
  expect(emulator.jobs[0]?.tags["request"]).toBe("in-1");
});

test("input and tags are those of the moment of the call, whatever becomes of their objects", async () => {
  const { fal, emulator } = setup();
  const schema = {
    "~standard": { version: 1, vendor: "test", validate: async (value: unknown) => ({ value }) },
  } as const;
  const described = fal.endpoint(ECHO, { input: schema, output: schema });
  const input: Record<string, number> = {};
  const tags: Record<string, string> = {};
  await Promise.all(
    ["acme", "zoo"].map((customer, n) => {
      input["n"] = n;
      tags["customer"] = customer;
      return fal.subscribe(described, { input, tags });
    }),
  );
  expect(emulator.jobs.map(({ input, tags }) => [input, tags["customer"]])).toEqual([
    [{ n: 0 }, "acme"],
    [{ n: 1 }, "zoo"],
  ]);
});
