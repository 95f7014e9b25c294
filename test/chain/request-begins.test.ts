import { type Fal, type RunScope, StoreError } from "fal-chain";
import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { type Process, processes } from "../support/processes.ts";
import { collect, ECHO, failureOf } from "../support/setup.ts";
import { tempDir } from "../support/temp.ts";

// A request is executed at once, and its run begins with the first thing that needs it.

const TRUSTED = { trustRequestId: true };
const incoming = new Headers({ "x-fal-request-id": "r" });
const pause = () => new Promise((resolve) => setImmediate(resolve));
const file = () => new Blob(["a file"], { type: "text/plain" });

type Handler = (fal: Fal, run: RunScope) => unknown;
const handle = ({ fal }: Pick<Process, "fal">, handler: Handler) =>
  fal.handle(incoming, (run) => handler(fal, run));

const FREE: Readonly<Record<string, Handler>> = {
  "gives an answer": () => Response.json({ a: 1 }),
  fails: async () => {
    await pause();
    throw new Error("no");
  },
  "streams its answer": async function* () {
    yield 1;
    await pause();
    yield 2;
  },
  "uses what else a run has": async (fal, run) => {
    const branches = fal.branch("a", () => run.map([1, 2], async (n) => fal.withTags({ n }, () => n)));
    return [run.id, run.chain, run.signal.aborted, await branches, await fal.fallback([async () => 1])];
  },
  "asks what it has cost": (fal, run) => fal.costs({ request: run.id }),
};

test.each(Object.entries(FREE))("a handler that %s begins none", async (_, handler) => {
  const { start, store } = processes();
  const asked: string[] = [];
  const told: unknown[] = [];
  const logger = {
    info: (...said: unknown[]) => void told.push(said),
    warn: (...said: unknown[]) => void told.push(said),
  };
  const { fal } = start({ ...TRUSTED, logger, onStore: (name) => void asked.push(name) });
  const answer = await handle({ fal }, handler).catch((error: unknown) => error);
  if (typeof answer === "object" && answer !== null && Symbol.asyncIterator in answer)
    expect(await collect(answer as AsyncIterable<number>)).toEqual({ seen: [1, 2] });
  expect(asked.filter((name) => name !== "spend")).toEqual([]);
  expect(await store.runs.list({})).toEqual([]);
  expect(told).toEqual([]);
  await fal.close();
});

const input = (n: number) => ({ input: { n } });
const inner = (fal: Fal) =>
  fal.chain("inner", async (n: number) => (await fal.subscribe(ECHO, input(n))).data);

/** What a run may begin with: each of them is one paid call. */
const FIRST: Readonly<Record<string, Handler>> = {
  subscribe: async (fal) => (await fal.subscribe(ECHO, input(1))).data,
  "queue.submit": async (fal) => (await fal.queue.submit(ECHO, input(1))).request_id,
  run: async (fal) => (await fal.run(ECHO, input(1))).data,
  step: (fal) => fal.step("one", async () => (await fal.subscribe(ECHO, input(1))).requestId),
  "a run without an id": (fal) => inner(fal).start(1),
  "a run with an id": (fal) => inner(fal).start(1, { id: "own" }),
  "a branch": (fal) => fal.branch("a", async () => (await fal.subscribe(ECHO, input(1))).data),
  map: (fal) => fal.map([1], async (n) => (await fal.subscribe(ECHO, input(n))).data),
  "a file": async (fal) => (await fal.subscribe(ECHO, { input: { file: file() } })).requestId,
  "a request without a name": (fal) =>
    fal.handle(new Headers(), async () => (await fal.subscribe(ECHO, input(1))).data),
  "run.subscribe, after a while": async (_, run) => {
    await pause();
    return (await run.subscribe(ECHO, input(1))).data;
  },
  "what is read of a stream": async (fal) => {
    const answer = async function* () {
      yield (await fal.subscribe(ECHO, input(1))).data;
    };
    return answer();
  },
};

const whole = async (answer: unknown): Promise<unknown> =>
  typeof answer === "object" && answer !== null && Symbol.asyncIterator in answer
    ? (await collect(answer as AsyncIterable<unknown>)).seen
    : answer;

test.each(Object.entries(FIRST))(
  "it may begin with %s, which the same request does not pay for again",
  async (_, first) => {
    const { start, emulator, store } = processes();
    let fails = true;
    const handler: Handler = async (fal, run) => {
      const given = await whole(await first(fal, run));
      if (fails) throw new Error("the runner is out of memory");
      return given;
    };
    expect(await failureOf(handle(start(TRUSTED), handler))).toMatchObject({
      message: "the runner is out of memory",
    });
    expect((await store.runs.get("request", "r"))?.state).toBe("failed");
    expect(emulator.jobs).toHaveLength(1);
    fails = false;
    await handle(start(TRUSTED), handler);
    expect((await store.runs.get("request", "r"))?.state).toBe("completed");
    expect(emulator.jobs).toHaveLength(1);
  },
);

/** Asks for much at once, before its run has begun, equal things among it. The tags tell which call is which. */
const much: Handler = async (fal) => {
  const call = (nth: string, n: number, step?: string) =>
    fal.subscribe(ECHO, { ...input(n), tags: { nth }, ...(step && { step }) });
  const one = inner(fal);
  const chain = (nth: string) => fal.withTags({ nth }, () => one.start(1));
  await Promise.all([
    call("a", 1),
    fal.step("s", async () => (await call("in a step", 1)).data),
    call("b", 1),
    call("c", 2, "named"),
    chain("d"),
    fal.step("s", () => "the second"),
    call("e", 3, "named"),
    fal.branch("b", () => Promise.all([call("f", 1), chain("g")])),
    chain("h"),
    fal.map(["i", "j"], (nth) => call(nth, 1)),
    fal.queue.submit(ECHO, { ...input(1), tags: { nth: "k" } }),
    call("l", 1),
  ]);
};

test("what is asked for before it has begun is found by what it would be found by in any other run", async () => {
  const found = async (by: (fal: Fal) => PromiseLike<unknown>) => {
    const { start, store } = processes();
    const { fal } = start(TRUSTED);
    await by(fal);
    await fal.close();
    const calls = await store.calls.list();
    return {
      calls: calls.map(({ key, for: { userTags, chain, run } }) => [userTags["nth"], chain, run, key]).sort(),
      steps: (await store.runs.steps("request", "r")).map(({ key, value }) => [key, value]).sort(),
      runs: (await store.runs.list({}))
        .map(({ id, tags, startedFor }) => [id, tags, startedFor?.within])
        .sort(),
    };
  };
  const chained = await found((fal) =>
    fal
      .chain("request", async (_: undefined, run) => void (await much(fal, run)))
      .start(undefined, { id: "r" }),
  );
  expect(chained.calls).toHaveLength(13);
  expect(await found((fal) => handle({ fal }, much))).toEqual(chained);
});

test("two equal requests at once are paid for once", async () => {
  const { start, emulator } = processes();
  const answers = await Promise.all([1, 2].map(() => handle(start(TRUSTED), FIRST["subscribe"] as Handler)));
  expect(answers).toEqual([{ echo: { n: 1 } }, { echo: { n: 1 } }]);
  expect(emulator.jobs).toHaveLength(1);
});

test("where it cannot begin, what needs it fails, and so does all that needs it later", async () => {
  const { start, emulator } = processes();
  const said: string[] = [];
  let claims = 0;
  const process = start({
    ...TRUSTED,
    logger: { warn: (_, message) => void said.push(message) },
    rescueFile: `${tempDir()}/rescue.jsonl`,
    onStore(name, when) {
      if (name === "runs.claim" && when === "before" && ++claims === 1)
        throw new StoreError("the database restarts");
    },
  });
  const first = FIRST["subscribe"] as Handler;
  const handler: Handler = async (fal, run) => {
    const failures = await Promise.all(
      [first(fal, run), fal.step("s", () => 1), inner(fal).start(1)].map((asked) =>
        failureOf(Promise.resolve(asked)),
      ),
    );
    return [...failures, await failureOf(fal.subscribe(ECHO, input(2)))].map(
      (error) => (error as StoreError).code,
    );
  };
  expect(await handle(process, handler)).toEqual(["store", "store", "store", "store"]);
  // The same request once more.
  expect(await handle(process, first)).toEqual({ echo: { n: 1 } });
  expect(said).toEqual([expect.stringContaining("request/r could not begin")]);
  expect(emulator.jobs).toHaveLength(1);
});

test.each(["cancelled", "closed"])(
  "a request that is %s before it has begun ends at once, and begins nothing more",
  async (how) => {
    const { start, emulator, store } = processes();
    const { fal } = start({ ...TRUSTED, logger: { warn() {} } });
    const gate = Promise.withResolvers<void>();
    const leaving = new AbortController();
    let late: Promise<unknown> | undefined;
    let signal: AbortSignal | undefined;
    const answer = fal.handle(
      incoming,
      (run) => {
        signal = run.signal;
        late = failureOf(gate.promise.then(() => fal.subscribe(ECHO, input(1))));
        return new Promise(() => {});
      },
      { abortSignal: leaving.signal },
    );
    if (how === "cancelled") leaving.abort("gone");
    else await fal.close();
    const expected = how === "cancelled" ? { name: "AbortError", cause: "gone" } : { code: "run_detached" };
    expect(await failureOf(answer)).toMatchObject(expected);
    expect(signal?.aborted).toBe(how === "cancelled");
    gate.resolve();
    expect(await late).toMatchObject({ code: "run_ended" });
    expect(await store.runs.list({})).toEqual([]);
    expect(emulator.jobs).toEqual([]);
  },
);

test("one that waits for another process to answer it can be let go, and what waits with it is", async () => {
  const { start, emulator, store } = processes();
  const gate = Promise.withResolvers<void>();
  const first = start(TRUSTED);
  const answer = handle(first, (fal) => fal.step("s", () => gate.promise));
  await expect.poll(() => store.runs.get("request", "r")).toBeDefined();
  const second = start(TRUSTED);
  let asked: Promise<unknown> | undefined;
  const waiting = handle(second, (fal) => {
    asked = failureOf(fal.subscribe(ECHO, input(1)));
    return asked;
  });
  await pause();
  await second.fal.close();
  expect(await failureOf(Promise.resolve(waiting))).toMatchObject({ code: "run_detached" });
  expect(await asked).toMatchObject({ code: "run_detached" });
  gate.resolve();
  await answer;
  expect((await store.runs.get("request", "r"))?.epoch).toBe(1);
  expect(emulator.jobs).toEqual([]);
});

test("code that goes on after a request that needed nothing is refused, and that is said once", async () => {
  const { start, store } = processes();
  const said: string[] = [];
  const process = start({ ...TRUSTED, logger: { warn: (_, message) => void said.push(message) } });
  const gate = Promise.withResolvers<void>();
  let late: Promise<unknown[]> | undefined;
  await handle(process, (fal) => {
    const asks = [
      () => fal.subscribe(ECHO, input(1)),
      () => fal.step("s", () => 1),
      () => inner(fal).start(1),
    ];
    late = Promise.all(asks.map((ask) => failureOf(gate.promise.then(ask))));
  });
  gate.resolve();
  for (const error of (await late) ?? []) expect(error).toMatchObject({ code: "run_ended" });
  expect(said).toEqual([expect.stringContaining("request/r goes on without anybody waiting")]);
  expect(await store.runs.list({})).toEqual([]);
});

test("one that is let go while it begins claims nothing", async () => {
  const { start, store } = processes();
  const { fal } = start(TRUSTED);
  const answer = handle({ fal }, FIRST["subscribe"] as Handler);
  await fal.close();
  expect(await failureOf(Promise.resolve(answer))).toMatchObject({ code: "run_detached" });
  expect(await store.runs.list({})).toEqual([]);
});

test("one that is lost to another process lets go of its calls, and is executed anew from what that has paid for", async () => {
  const { start, emulator, store } = processes({ models: [echo({ seconds: 60 })] });
  const ends: string[] = [];
  const released = Promise.withResolvers<void>();
  let times = 0;
  const handler: Handler = async (fal) => {
    const first = fal.subscribe(ECHO, input(1));
    first.then(
      () => ends.push("completed"),
      (error: { code: string }) => ends.push(error.code),
    );
    if (++times === 1) {
      await first.submitted;
      // As if its lease were over.
      await store.runs.release({ chain: "request", run: "r", epoch: 1 });
      released.resolve();
    }
    return [(await first).data, (await fal.subscribe(ECHO, input(2))).data];
  };
  const other = released.promise.then(() => handle(start(TRUSTED), handler));
  const answers = await Promise.all([handle(start(TRUSTED), handler), other]);
  const both = [{ echo: { n: 1 } }, { echo: { n: 2 } }];
  expect(answers).toEqual([both, both]);
  expect(ends).toEqual(["lease_lost", "completed", "completed"]);
  expect(emulator.jobs).toHaveLength(2);
});
