import type { Fal } from "fal-chain";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Processes } from "../support/processes.ts";
import { ECHO, failureOf } from "../support/setup.ts";

// No call loses its run, its tags or its budget in silence: where the context cannot follow, the call is refused before it
// is paid. Here the runtime has no AsyncLocalStorage, as workerd without nodejs_compat and the VMs of some edges.

const NAMES = ["attribution", "run", "position", "span"].map((name) => Symbol.for(`fal-chain.${name}`));
const shared = globalThis as unknown as Record<symbol, unknown>;
const before = { storages: NAMES.map((name) => shared[name]), getBuiltinModule: process.getBuiltinModule };
let make: () => Processes;
let all: Processes;

beforeAll(async () => {
  for (const name of NAMES) delete shared[name];
  process.getBuiltinModule = undefined as never;
  vi.resetModules();
  const { processes } = await import("../support/processes.ts");
  make = () => processes({ models: [echo({ price: 0.01 }), failing()] });
  const { echo, failing } = await import("../support/models.ts");
});

afterAll(() => {
  process.getBuiltinModule = before.getBuiltinModule;
  for (const [n, name] of NAMES.entries()) shared[name] = before.storages[n];
  vi.resetModules();
});

beforeEach(() => {
  all = make();
});

const call = { input: { n: 1 } };
const pause = () => new Promise((resolve) => setImmediate(resolve));
/** A run that waits for its end while something else is done. */
function open(fal: Fal): { end: () => Promise<unknown> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const run = fal.chain("open", () => promise).start(undefined, { id: "open" });
  return {
    async end() {
      resolve();
      await run;
    },
  };
}

const BARE: Readonly<Record<string, (fal: Fal) => PromiseLike<unknown>>> = {
  subscribe: (fal) => fal.subscribe(ECHO, call),
  "queue.submit": (fal) => fal.queue.submit(ECHO, call),
  "queue.result": (fal) => fal.queue.result(ECHO, { requestId: "r" }),
  "queue.attach": (fal) => fal.queue.attach(ECHO, { requestId: "r" }),
  run: (fal) => fal.run(ECHO, call),
  stream: async (fal) => (await fal.stream(ECHO, call)).done(),
  "a connection": async (fal) => void fal.realtime.connect(ECHO, { onResult: () => {} }),
  "a call in withTags": (fal) => fal.withTags({ a: "b" }, () => fal.subscribe(ECHO, call)),
  "a call with tags": (fal) => fal.subscribe(ECHO, { ...call, tags: { a: "b" } }),
  step: (fal) => fal.step("s", () => 1),
  "an inner run": async (fal) => fal.chain("inner", async () => 1).start(),
  map: (fal) => fal.map([1], () => fal.subscribe(ECHO, call)),
  fallback: (fal) => fal.fallback([() => fal.subscribe(ECHO, call)]),
};

test.each(Object.entries(BARE))(
  "after an await %s is refused before it is paid, and names what to use",
  async (_, bare) => {
    const { fal } = all.start();
    const chain = fal.chain("one", async () => {
      await pause();
      await bare(fal);
    });
    const error = await failureOf(
      chain.start(undefined, { id: "a", tags: { customer: "acme" }, budget: { usd: 1 } }),
    );
    expect(error).toMatchObject({
      code: "run_required",
      message: expect.stringMatching(/run\.(subscribe|step)/),
    });
    expect(all.emulator.jobs).toHaveLength(0);
    expect(await fal.calls.list()).toEqual([]);
  },
);

test("so is one that is made beside the run, until that has ended", async () => {
  const { fal } = all.start();
  const { end } = open(fal);
  await pause();
  expect(await failureOf(fal.subscribe(ECHO, call))).toMatchObject({ code: "run_required" });
  await end();
  await fal.subscribe(ECHO, call);
  expect(all.emulator.jobs).toHaveLength(1);
});

test("what goes through the run belongs to it, and is paid for once", async () => {
  const wrong: string[] = [];
  const define = (fal: Fal, dies: boolean) => {
    const inner = fal.chain("inner", async (input: { n: number }, run) => {
      await pause();
      return (await run.subscribe(ECHO, { input })).data;
    });
    return fal.chain("one", async (_: undefined, run) => {
      await fal.subscribe(ECHO, { input: { n: 0 } });
      await pause();
      await run.subscribe(ECHO, { input: { n: 1 } });
      await run.step("think", async (run) => {
        await pause();
        return (await run.subscribe(ECHO, { input: { n: 1 } })).data;
      });
      await run.map([1, 1, 2], async (n, _, run) => {
        await pause();
        return run.subscribe(ECHO, { input: { n } });
      });
      await run.branch("b", async (run) => {
        await pause();
        await run.subscribe(ECHO, { input: { n: 1 } });
      });
      await run.fallback([
        () => run.subscribe("acme/failing", call),
        () => run.subscribe(ECHO, { input: { n: 3 } }),
      ]);
      await pause();
      await run.bind(() => fal.queue.submit(ECHO, { input: { n: 4 } }))();
      await run.bind(() => inner.start({ n: 5 }))();
      await fal.withTags({ team: "ops" }, () => run.subscribe(ECHO, { input: { n: 6 } }));
      if (dies) throw new Error("a bug");
      return wrong;
    });
  };
  const start = { id: "a", tags: { customer: "acme" }, budget: { usd: 1 } };
  expect(await failureOf(define(all.start().fal, true).start(undefined, start))).toMatchObject({
    message: "a bug",
  });
  const paid = all.emulator.jobs.length;
  expect(paid).toBe(12);
  const { fal } = all.start();
  await define(fal, false).resume("a");
  expect(all.emulator.jobs).toHaveLength(paid);
  const calls = await fal.calls.list();
  for (const { for: whose } of calls) {
    expect(whose).toMatchObject({ rootRun: "one/a", userTags: { customer: "acme" } });
  }
  expect(calls.map(({ for: { userTags } }) => userTags["team"])).toContain("ops");
  expect(new Set(calls.map(({ key }) => key?.split(" ")[0]))).toEqual(
    new Set(["/", "/step:think#1", "/map[0]", "/map[1]", "/map[2]", "/b"]),
  );
});

test("its budget holds", async () => {
  const { fal } = all.start();
  const chain = fal.chain("one", async (_: undefined, run) => {
    for (let n = 0; n < 3; n++) {
      await pause();
      await run.subscribe(ECHO, { input: { n } });
    }
  });
  const error = await failureOf(chain.start(undefined, { id: "a", budget: { usd: 0.025 } }));
  expect(error).toMatchObject({ code: "budget_exceeded" });
  expect(all.emulator.jobs).toHaveLength(2);
});

test("two runs side by side do not get each other's calls", async () => {
  const { fal } = all.start();
  const chain = fal.chain("one", async (n: number, run) => {
    for (let nth = 0; nth < 3; nth++) {
      await pause();
      await run.subscribe(ECHO, { input: { n, nth } });
    }
  });
  await Promise.all([1, 2].map((n) => chain.start(n, { id: `${n}`, tags: { n: `${n}` } })));
  for (const { body, for: whose } of await fal.calls.list()) {
    const { n } = JSON.parse(body ?? "{}") as { n: number };
    expect(whose).toMatchObject({ run: `${n}`, userTags: { n: `${n}` } });
  }
});

describe("tags and requests", () => {
  const request = () => new Headers({ "x-fal-request-id": "in-1" });

  test("around calls are theirs", async () => {
    const { fal } = all.start();
    await fal.withTags({ customer: "acme" }, () =>
      Promise.all([1, 2].map((n) => fal.withRequest(request(), () => fal.subscribe(ECHO, { input: { n } })))),
    );
    for (const { for: whose } of await fal.calls.list()) {
      expect(whose).toMatchObject({ userTags: { customer: "acme" }, request: "in-1" });
    }
  });

  test("are not put around an async function, which would lose them", async () => {
    const { fal } = all.start();
    const lossy = async () => {
      await pause();
      await fal.subscribe(ECHO, call);
    };
    for (const attributed of [
      () => fal.withTags({ a: "b" }, lossy),
      () => fal.withRequest(request(), lossy),
    ]) {
      expect(attributed).toThrow(
        expect.objectContaining({ code: "run_required", message: expect.stringMatching(/around each call/) }),
      );
    }
    expect(all.emulator.jobs).toHaveLength(0);
  });

  test("a call that may have lost them is refused, in a run too", async () => {
    const { fal } = all.start();
    const later = (make: () => PromiseLike<unknown>) => fal.withTags({ a: "b" }, () => pause().then(make));
    expect(await failureOf(later(() => fal.subscribe(ECHO, call)))).toMatchObject({ code: "run_required" });
    expect(
      await failureOf(later(() => fal.withTags({ c: "d" }, () => fal.subscribe(ECHO, call)))),
    ).toMatchObject({
      code: "run_required",
    });
    const chain = fal.chain("one", async (_: undefined, run) => {
      await pause();
      await later(() => run.subscribe(ECHO, call));
    });
    expect(await failureOf(chain.start(undefined, { id: "a" }))).toMatchObject({ code: "run_required" });
    expect(all.emulator.jobs).toHaveLength(0);
    await fal.subscribe(ECHO, call);
    expect(all.emulator.jobs).toHaveLength(1);
  });
});

test("a handled request is given its run", async () => {
  const { fal } = all.start({ trustRequestId: true });
  const answers = await Promise.all(
    ["in-1", "in-2"].map((id) =>
      fal.handle(new Headers({ "x-fal-request-id": id }), async (run) => {
        await pause();
        await run.subscribe(ECHO, { input: { id } });
        await pause();
        return (await failureOf(fal.subscribe(ECHO, call))) as { code: string };
      }),
    ),
  );
  expect(answers.map(({ code }) => code)).toEqual(["run_required", "run_required"]);
  for (const { body, for: whose } of await fal.calls.list()) {
    expect(whose).toMatchObject({ request: (JSON.parse(body ?? "{}") as { id: string }).id });
  }
  expect(all.emulator.jobs).toHaveLength(2);
});

test("a handled request may begin its run with a step, and go on with a chain", async () => {
  const { fal } = all.start({ trustRequestId: true });
  const inner = fal.chain("inner", async (_: undefined, run) => void (await run.subscribe(ECHO, call)));
  await fal.handle(new Headers({ "x-fal-request-id": "in-1" }), async (run) => {
    await pause();
    const both = [
      run.step("think", async (run) => {
        await pause();
        return (await run.subscribe(ECHO, call)).data;
      }),
      run.bind(() => inner.start())(),
    ];
    await Promise.all(both);
  });
  const calls = await fal.calls.list();
  expect(calls.map(({ for: { rootRun, request } }) => [rootRun, request])).toEqual(
    Array(2).fill(["request/in-1", "in-1"]),
  );
  expect(calls.map(({ key }) => key?.split(" ")[0]).sort()).toEqual(["/", "/step:think#1"]);
});

test("a start with an id of its own is found again, and it is said that it adds to no other run", async () => {
  const warned: string[] = [];
  const { fal } = all.start({ logger: { warn: (_, message) => void warned.push(message) } });
  const { end } = open(fal);
  await pause();
  const chain = fal.chain("one", async (_: undefined, run) => (await run.subscribe(ECHO, call)).data);
  await Promise.all([chain.start(undefined, { id: "a" }), chain.start(undefined, { id: "b" })]);
  expect(warned.filter((message) => message.includes("run by itself"))).toHaveLength(1);
  await end();
});

test("a function that is bound belongs to where it was bound, until it waits", async () => {
  const { fal } = all.start();
  const chain = fal.chain("one", async () => {
    const bound = fal.bind((n: number) => fal.subscribe(ECHO, { input: { n } }));
    await pause();
    await bound(1);
    await pause();
    await bound(2);
  });
  await chain.start(undefined, { id: "a", tags: { customer: "acme" } });
  expect((await fal.calls.list()).map(({ for: { run, userTags } }) => [run, userTags])).toEqual([
    ["a", { customer: "acme" }],
    ["a", { customer: "acme" }],
  ]);
});
