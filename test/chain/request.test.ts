import type { Fal } from "fal-chain";
import { expect, test } from "vitest";
import { processes } from "../support/processes.ts";
import { ECHO, ENV, failureOf, setup } from "../support/setup.ts";

const incoming = (id?: string) =>
  new Request("https://app.example.com/", { headers: id === undefined ? {} : { "x-fal-request-id": id } });

/** As behind a proxy that sets the id, whatever a caller sends. */
const TRUSTED = { trustRequestId: true };
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const RUNNER = { ...ENV, FAL_JOB_ID: "job-1" };

/** A handler of two calls, which reads its request and gives a Response. */
const handler = (fal: Fal, fails: () => boolean) => (request: Request) =>
  fal.handle(request, async () => {
    await fal.subscribe(ECHO, { input: { n: 1 } });
    if (fails()) throw new Error("the runner is out of memory");
    await fal.subscribe(ECHO, { input: { n: 2 } });
    return new Response("done");
  });

test("a request that fal sends again goes on where it was, and pays for nothing again", async () => {
  const { start, emulator } = processes();
  let times = 0;
  const handle = (request: Request) => handler(start(TRUSTED).fal, () => ++times === 1)(request);
  expect(await failureOf(handle(incoming("req-1")))).toMatchObject({
    message: "the runner is out of memory",
  });
  expect(await (await handle(incoming("req-1"))).text()).toBe("done");
  expect(emulator.jobs.map(({ input }) => input)).toEqual([{ n: 1 }, { n: 2 }]);
  // Its answer was lost: it is made again, from what is paid for.
  expect(await (await handle(incoming("req-1"))).text()).toBe("done");
  expect(emulator.jobs).toHaveLength(2);
  expect(emulator.jobs[0]?.tags).toEqual({ request: "req-1", chain: "request", run: "req-1" });

  await handle(incoming("req-2"));
  expect(emulator.jobs).toHaveLength(4);
});

test("a step that failed is tried again with the request", async () => {
  const { start, emulator } = processes();
  emulator.faults.next({ operation: "submit", nth: 2 }, "completed-with-error");
  const handle = (request: Request) => handler(start(TRUSTED).fal, () => false)(request);
  expect(await failureOf(handle(incoming("req-1")))).toMatchObject({ code: "api" });
  expect(await (await handle(incoming("req-1"))).text()).toBe("done");
  expect(emulator.jobs.map(({ input }) => input)).toEqual([{ n: 1 }, { n: 2 }, { n: 2 }]);
});

test("a request without an id is answered all the same", async () => {
  const { start, emulator } = processes();
  expect(await (await handler(start().fal, () => false)(incoming())).text()).toBe("done");
  const run = expect.stringMatching(UUID);
  expect(emulator.jobs.map(({ tags }) => tags)).toEqual([
    { chain: "request", run },
    { chain: "request", run },
  ]);
  expect(emulator.jobs[1]?.tags).toEqual(emulator.jobs[0]?.tags);
});

test("in a runner fal's id of a request names its run", async () => {
  const { start, emulator } = processes();
  const handle = () => handler(start({ env: RUNNER }).fal, () => false)(incoming("req-1"));
  await handle();
  await handle();
  expect(emulator.jobs).toHaveLength(2);
  expect(emulator.jobs[0]?.tags).toMatchObject({ run: "req-1", request: "req-1", job_id: "job-1" });
});

test.each([
  ["outside of a runner", { env: ENV }],
  ["where the program says so", { env: RUNNER, trustRequestId: false }],
])("%s an id that another request had gives nobody that one's answers", async (_, options) => {
  const { start, emulator, store } = processes();
  const answer = (fal: Fal) =>
    fal.handle(incoming("req-1"), async () => {
      const secret = await fal.step("secret", () => crypto.randomUUID());
      const { requestId } = await fal.subscribe(ECHO, { input: { n: 1 } });
      return { secret, requestId };
    });
  const { fal } = start(options);
  // One after the other, at once, and in another process.
  const answers = [await answer(fal), ...(await Promise.all([answer(fal), answer(start(options).fal)]))];
  expect(new Set(answers.map(({ secret }) => secret)).size).toBe(3);
  expect(new Set(answers.map(({ requestId }) => requestId)).size).toBe(3);
  expect(emulator.jobs.map(({ tags }) => tags["request"])).toEqual(["req-1", "req-1", "req-1"]);
  const runs = await store.runs.list({});
  expect(new Set(runs.map(({ id }) => id)).size).toBe(3);
  expect(runs.every(({ id }) => UUID.test(id))).toBe(true);
});

test("within a run, a request that names no run of its own is found again when that is resumed", async () => {
  const { start, emulator } = processes();
  let dies = true;
  const chain = (fal: Fal) =>
    fal.chain("outer", async () => {
      const answer = await handler(fal, () => false)(incoming("req-1"));
      if (dies) throw new Error("a bug");
      return answer.text();
    });
  await failureOf(chain(start().fal).start(undefined, { id: "a" }));
  dies = false;
  expect(await chain(start().fal).resume("a")).toBe("done");
  expect(emulator.jobs).toHaveLength(2);
});

test("a trust that is neither true nor false is refused, and not taken for a yes", () => {
  expect(() => setup({ trustRequestId: "false" as unknown as boolean })).toThrow(
    'trustRequestId is "false"; it is true or false.',
  );
});

test("a run that is started within a run has an id that follows from it, and is not started twice", async () => {
  const { start, emulator } = processes();
  let dies = true;
  const outer = (fal: Fal) => {
    const inner = fal.chain("inner", async (input: { n: number }) => {
      await fal.subscribe(ECHO, { input });
      return input.n;
    });
    return fal.chain("outer", async () => {
      const both = [await inner.start({ n: 1 }), await fal.branch("b", () => inner.start({ n: 2 }))];
      if (dies) throw new Error("a bug");
      return both;
    });
  };
  await failureOf(outer(start().fal).start(undefined, { id: "a" }));
  dies = false;
  const { fal } = start();
  expect(await outer(fal).resume("a")).toEqual([1, 2]);
  expect(emulator.jobs).toHaveLength(2);
  expect((await fal.runs.list({ chain: "inner" })).map(({ id }) => id).sort()).toEqual([
    expect.stringMatching(/^outer\/a#[0-9a-f]{8}$/),
    expect.stringMatching(/^outer\/a\/b#[0-9a-f]{8}$/),
  ]);
});

test("a request within the same request is one run, and waits for nothing", async () => {
  const { fal, emulator } = setup(TRUSTED);
  const request = new Headers({ "x-fal-request-id": "r1" });
  const answer = await fal.handle(request, () =>
    fal.handle(request, async () => (await fal.subscribe(ECHO, { input: {} })).requestId),
  );
  expect(answer).toBe(emulator.jobs[0]?.requestId);
});

test("runs that are started within runs of the same id but of other chains are runs of their own", async () => {
  const { fal } = setup();
  const caption = fal.chain("caption", async ({ text }: { text: string }) => text);
  const poster = fal.chain("poster", async () => caption.start({ text: "poster" }));
  const video = fal.chain("video", async () => caption.start({ text: "video" }));
  expect(await poster.start(undefined, { id: "order-7" })).toBe("poster");
  expect(await video.start(undefined, { id: "order-7" })).toBe("video");
});

test("a server whose store is forgotten with it says so at its first request, and once", async () => {
  const told: string[] = [];
  const logger = { warn: (_: object, message: string) => void told.push(message) };
  const { fal } = setup({ logger });
  for (let n = 0; n < 3; n++) await fal.handle(incoming(), async () => new Response("done"));
  expect(told).toEqual([expect.stringContaining("is kept in memory")]);
  const durable = processes().start({ logger });
  await durable.fal.handle(incoming(), async () => new Response("done"));
  expect(told).toHaveLength(1);
});
