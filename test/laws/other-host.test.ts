import { type Fal, type FalOptions, OtherDeploymentError } from "fal-chain";
import { createEmulator } from "fal-chain/emulator";
import { describe, expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { processes } from "../support/processes.ts";
import { ECHO, ENV, failureOf } from "../support/setup.ts";
import { instead, json, kindOf, losing, networkError, type Wire } from "../support/wire.ts";

// The hosts may name another deployment when a request is resumed than when it was sent. It is asked for where they point
// now; where it is not known it stays open, and is had once they are set back. It is never paid for twice.

const one = (fal: Fal) => fal.chain("one", async () => (await fal.subscribe(ECHO, { input: { n: 1 } })).data);

const on = (host: string) => ({ env: { ...ENV, FAL_HOST: host } });
const OLD = on("127.0.0.1:8787");
const NEW = "127.0.0.1:9999";

/** A client that submits, and gets no status. */
const leavesIt = {
  wire: instead("result", () => json({ detail: "no" }, { status: 402 })),
  retry: { maxRetries: 0 },
};

/** Starts the run `a` in a process that is killed once fal has its request. */
async function submitted(world: ReturnType<typeof processes>, options: FalOptions = OLD): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const wire: Wire = (request, forward) => {
    if (kindOf(request) === "submit" || kindOf(request) === "other") return forward();
    resolve();
    return new Promise(() => {});
  };
  const process = world.start({ ...options, wire });
  void one(process.fal)
    .start(undefined, { id: "a" })
    .catch(() => {});
  await promise;
  process.kill();
}

/** Everything that is sent goes to another platform, which has none of the requests. */
function strange(world: ReturnType<typeof processes>): {
  wire: Wire;
  other: ReturnType<typeof createEmulator>;
} {
  const other = createEmulator({ clock: world.clock, models: [echo()] });
  return { other, wire: (request) => other.fetch(request) };
}

const originsOf = (sent: readonly { readonly url: string }[]) => [
  ...new Set(sent.map(({ url }) => new URL(url).origin)),
];

test.each([
  ["another port", OLD, on(NEW)],
  ["localhost for 127.0.0.1", OLD, on("localhost:8787")],
  ["fal's own hosts", OLD, { env: ENV }],
  ["a dev server for fal's own hosts", { env: ENV }, on(NEW)],
])("a run goes on under %s, and its request is paid for once", async (_, before, after) => {
  const world = processes();
  await submitted(world, before);
  const later = world.start(after);
  expect(await one(later.fal).resume("a")).toEqual({ echo: { n: 1 } });
  expect(world.emulator.jobs).toHaveLength(1);
  const allowed =
    "FAL_HOST" in after.env
      ? [`http://${after.env.FAL_HOST}`]
      : ["https://queue.fal.run", "https://api.fal.ai"];
  expect(allowed).toEqual(expect.arrayContaining(originsOf(later.sent)));
});

const NOT_FOUND: readonly [string, Wire | undefined][] = [
  ["a platform that does not know it", undefined],
  ["a 404", () => json({ detail: "Not Found" }, { status: 404 })],
  [
    "a page of another server",
    () => new Response("<!doctype html>", { headers: { "content-type": "text/html" } }),
  ],
  ["a 405", () => new Response("", { status: 405 })],
  ["a 410", () => json({ detail: "gone" }, { status: 410 })],
  [
    "a 422",
    () => json({ detail: [{ loc: ["path"], msg: "no such request", type: "value_error" }] }, { status: 422 }),
  ],
];

describe.each(NOT_FOUND)("where the present hosts answer with %s", (_, wire) => {
  test.each(["submitted", "given-up"])(
    "a %s call stays open, and is collected once they are set back",
    async (state) => {
      const world = processes();
      if (state === "submitted") await submitted(world);
      else await failureOf(one(world.start({ ...OLD, ...leavesIt }).fal).start(undefined, { id: "a" }));
      const { other, wire: toOther } = strange(world);
      const away = world.start({ ...on(NEW), wire: wire ?? toOther, retry: { maxRetries: 1 } });
      for (let time = 0; time < 2; time++) {
        const error = await failureOf(one(away.fal).resume("a"));
        expect(error).toBeInstanceOf(OtherDeploymentError);
        expect(error).toMatchObject({
          code: "other_deployment",
          billed: "unknown",
          deployment: "http://127.0.0.1:8787/queue",
          message: expect.stringContaining("set FAL_HOST back to http://127.0.0.1:8787"),
        });
      }
      const [call] = await away.fal.calls.list();
      expect(call).toMatchObject({ state: "given-up", givenUp: "unread", error: { billed: "unknown" } });
      expect(call?.cost).toMatchObject({ source: "unknown" });
      const before = await away.fal.costs();
      expect(before.total).toMatchObject({ calls: 1 });
      expect(await failureOf(away.fal.calls.collect(call?.id ?? ""))).toBeInstanceOf(OtherDeploymentError);
      expect(originsOf(away.sent)).toEqual([`http://${NEW}`]);
      expect(other.jobs).toEqual([]);

      expect(await one(world.start(OLD).fal).resume("a")).toEqual({ echo: { n: 1 } });
      expect(world.emulator.jobs).toHaveLength(1);
    },
  );
});

test("it is collected, too, once the hosts are set back", async () => {
  const world = processes();
  await submitted(world);
  const away = world.start({ ...on(NEW), wire: strange(world).wire });
  await failureOf(one(away.fal).resume("a"));
  const { fal } = world.start(OLD);
  const [call] = await fal.calls.list();
  expect((await fal.calls.collect(call?.id ?? "")).data).toEqual({ echo: { n: 1 } });
  expect((await fal.calls.list())[0]).toMatchObject({ state: "completed" });
});

test("who asks by the request's id is told where it is", async () => {
  const world = processes();
  const { request_id: requestId } = await world.start(OLD).fal.queue.submit(ECHO, { input: { n: 1 } });
  const { queue } = world.start({ ...on(NEW), wire: strange(world).wire }).fal;
  const asked = [
    () => queue.status(ECHO, { requestId }),
    () => queue.streamStatus(ECHO, { requestId }),
    () => queue.subscribeToStatus(ECHO, { requestId }),
    () => queue.result(ECHO, { requestId }),
    () => queue.attach(ECHO, { requestId }),
  ];
  for (const ask of asked) expect(await failureOf(ask())).toBeInstanceOf(OtherDeploymentError);
  const back = world.start(OLD);
  expect((await back.fal.calls.list())[0]?.state).not.toBe("failed");
  expect((await back.fal.queue.attach(ECHO, { requestId })).data).toEqual({ echo: { n: 1 } });
});

test("the page of whoever listens there now is no result", async () => {
  const world = processes();
  const { request_id: requestId } = await world.start(OLD).fal.queue.submit(ECHO, { input: { n: 1 } });
  const wire: Wire = () => new Response("<!doctype html>", { headers: { "content-type": "text/html" } });
  const { queue, calls } = world.start({ ...on(NEW), wire, retry: { maxRetries: 6 } }).fal;
  expect(await failureOf(queue.result(ECHO, { requestId }))).toBeInstanceOf(OtherDeploymentError);
  expect(await failureOf(queue.attach(ECHO, { requestId }))).toBeInstanceOf(OtherDeploymentError);
  expect((await calls.list())[0]?.state).not.toBe("completed");
});

test("nothing but an answer names another deployment: a server that is away is away", async () => {
  const world = processes();
  await submitted(world);
  const wire: Wire = () => {
    throw networkError("ECONNREFUSED");
  };
  const away = world.start({ ...on(NEW), wire, retry: { maxRetries: 1 } });
  expect(await failureOf(one(away.fal).resume("a"))).toMatchObject({ code: "network" });
  expect(await one(world.start(OLD).fal).resume("a")).toEqual({ echo: { n: 1 } });
  expect(world.emulator.jobs).toHaveLength(1);
});

describe.each(["look-up", "resubmit-if-unseen"] as const)("where the policy is %s", (ambiguousSubmit) => {
  test.each(["loses its answer", "kills its process"])(
    "a submit that %s is not sent to another deployment, whose history cannot have it",
    async (how) => {
      const world = processes();
      const { promise: killed, resolve } = Promise.withResolvers<void>();
      const dies: Wire = async (_, forward) => {
        await forward();
        process.kill();
        resolve();
        return new Promise(() => {});
      };
      const wire = how === "kills its process" ? dies : losing("submit");
      const process = world.start({ ...OLD, ambiguousSubmit: "throw", wire });
      await Promise.race([failureOf(one(process.fal).start(undefined, { id: "a" })), killed]);
      expect(world.emulator.jobs).toHaveLength(1);

      const { other, wire: toOther } = strange(world);
      const away = world.start({ ...on(NEW), ambiguousSubmit, wire: toOther });
      const message = expect.stringContaining("set FAL_HOST back to http://127.0.0.1:8787");
      expect(await failureOf(one(away.fal).resume("a"))).toMatchObject({
        code: "run_blocked",
        cause: { message },
      });
      expect(other.jobs).toEqual([]);

      const back = world.start({ ...OLD, ambiguousSubmit });
      expect(await one(back.fal).resume("a")).toEqual({ echo: { n: 1 } });
      expect(world.emulator.jobs).toHaveLength(1);
    },
  );
});
