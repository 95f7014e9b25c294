import { getEventListeners } from "node:events";
import type { CallOptions, CancelOutcome } from "fal-chain";
import { CallAbortedError, CallTimeoutError, createFal } from "fal-chain";
import { createEmulator, virtualClock } from "fal-chain/emulator";
import { describe, expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { ENV, failureOf, setup } from "../support/setup.ts";
import { instead, json, kindOf, networkError, type Wire } from "../support/wire.ts";

// Law 4: once `error.cancel` has settled, no request, timer or listener of the call is left.

type World = ReturnType<typeof setup>;
const slow = { models: [echo({ seconds: 600 })], concurrency: 1 };

/** Gives up at a chosen moment, and looks at what is left. */
async function giveUp(
  world: World,
  moment: (call: ReturnType<World["fal"]["subscribe"]>) => Promise<unknown>,
  options: Partial<CallOptions<string>> = {},
) {
  const user = new AbortController();
  const call = world.fal.subscribe("acme/echo", { input: {}, abortSignal: user.signal, ...options });
  call.catch(() => {});
  await moment(call);
  const reason = new Error("enough");
  const before = world.clock.now();
  user.abort(reason);
  const error = (await failureOf(call)) as CallAbortedError;
  const waited = world.clock.now() - before;
  const outcome: CancelOutcome = await error.cancel;
  expect(getEventListeners(user.signal, "abort")).toEqual([]);
  const calm = world.sent.length;
  const last = world.emulator.jobs.at(-1);
  await world.emulator.close();
  expect(world.clock.sleepers).toBe(0);
  expect(world.sent).toHaveLength(calm);
  return { error, reason, outcome, waited, last };
}

const until = (type: string) => async (call: AsyncIterable<{ type: string }>) => {
  for await (const event of call) if (event.type === type) return;
};

describe.each(["auto", "polling"] as const)("aborted while it is watched by mode %s", (mode) => {
  test("a running call rejects at once and is cancelled upstream", async () => {
    const { error, reason, outcome, waited, last } = await giveUp(
      setup({ emulator: slow }),
      until("running"),
      { mode },
    );
    expect(error).toBeInstanceOf(CallAbortedError);
    expect(error).toMatchObject({ name: "AbortError", requestId: last?.requestId, billed: "unknown" });
    expect(error.cause).toBe(reason);
    expect(waited).toBe(0);
    expect(outcome).toBe("requested");
    expect(last).toMatchObject({ cancelled: true, state: "COMPLETED" });
  });

  test("cancelOnAbort: false leaves the request running", async () => {
    const { outcome, last } = await giveUp(setup({ emulator: slow }), until("running"), {
      mode,
      cancelOnAbort: false,
    });
    expect(outcome).toBe("not-sent");
    expect(last).toMatchObject({ cancelled: false, state: "IN_PROGRESS" });
  });
});

test("a queued call is cancelled in time where fal says so", async () => {
  const wire = instead("cancel", () => json({ status: "OK" }));
  expect((await giveUp(setup({ emulator: slow, wire }), until("queued"))).outcome).toBe("in-time");
});

test("a cancel that comes too late says so", async () => {
  const wire = instead("cancel", () => json({ status: "ALREADY_COMPLETED" }, { status: 400 }));
  expect((await giveUp(setup({ emulator: slow, wire }), until("running"))).outcome).toBe("too-late");
});

test("a cancel that gets no usable answer is unknown, and is not an error", async () => {
  const wire = instead("cancel", () => networkError("ECONNRESET"));
  expect((await giveUp(setup({ emulator: slow, wire }), until("running"))).outcome).toBe("unknown");
});

test("a call that was never sent has nothing to cancel", async () => {
  const world = setup({ emulator: slow });
  const { outcome, last } = await giveUp(world, async () => {});
  expect(outcome).toBe("not-sent");
  expect(last).toBeUndefined();
  expect(world.sent).toEqual([]);
});

describe("a submit that is under way", () => {
  /** Holds the submit's answer back until it is let go. */
  const held = () => {
    const arrived = Promise.withResolvers<AbortSignal>();
    const release = Promise.withResolvers<void>();
    const wire: Wire = async (request, forward) => {
      if (kindOf(request) !== "submit") return forward();
      const reply = await forward();
      arrived.resolve(request.signal);
      await release.promise;
      return reply;
    };
    return { wire, arrived: arrived.promise, release: release.resolve };
  };

  test("is not cut by an abort: it finishes behind the scenes and is then cancelled upstream", async () => {
    const { wire, arrived, release } = held();
    const world = setup({ emulator: slow, wire });
    const user = new AbortController();
    const call = world.fal.subscribe("acme/echo", { input: {}, abortSignal: user.signal });
    const submitted = await arrived;
    user.abort();
    const error = (await failureOf(call)) as CallAbortedError;
    expect(submitted.aborted).toBe(false);
    expect(world.emulator.jobs[0]).toMatchObject({ cancelled: false });

    release();
    expect(await error.cancel).toBe("requested");
    expect(world.emulator.jobs[0]).toMatchObject({ cancelled: true });
    expect(world.sent.map(({ kind }) => kind)).toEqual(["submit", "cancel"]);
    expect(getEventListeners(user.signal, "abort")).toEqual([]);
  });

  test("is waited for by close()", async () => {
    const { wire, arrived, release } = held();
    const { fal, emulator } = setup({ emulator: slow, wire });
    const call = fal.subscribe("acme/echo", { input: {} });
    call.catch(() => {});
    await arrived;
    void call.cancel();
    const closed = fal.close();
    release();
    await closed;
    expect(emulator.jobs[0]).toMatchObject({ cancelled: true });
  });

  test("is left alone with cancelOnAbort: false", async () => {
    const { wire, arrived, release } = held();
    const { fal, emulator } = setup({ emulator: slow, wire });
    const call = fal.subscribe("acme/echo", { input: {}, cancelOnAbort: false });
    call.catch(() => {});
    await arrived;
    const outcome = call.cancel();
    release();
    expect(await outcome).toBe("not-sent");
    expect(emulator.jobs[0]).toMatchObject({ cancelled: false });
  });
});

test("an abort in the pause before a submit is repeated ends it, and nothing was sent upstream", async () => {
  const wire = instead("submit", () => json({}, { status: 429, headers: { "retry-after": "300" } }));
  const world = setup({ emulator: slow, wire });
  const { outcome, waited } = await giveUp(world, async () => {
    while (world.clock.sleepers === 0) await new Promise((resolve) => setImmediate(resolve));
  });
  expect({ outcome, waited }).toEqual({ outcome: "not-sent", waited: 0 });
  expect(world.sent).toHaveLength(1);
});

test("a timeout rejects with a TimeoutError that says how long, and cancels upstream", async () => {
  const { fal, emulator, clock } = setup({ emulator: slow });
  const started = clock.now();
  const error = await failureOf(fal.subscribe("acme/echo", { input: {}, timeout: 5_000 }));
  expect(clock.now() - started).toBe(5_000);
  expect(error).toBeInstanceOf(CallTimeoutError);
  expect(error).toMatchObject({ name: "TimeoutError", message: expect.stringContaining("5000 ms") });
  expect(await (error as CallTimeoutError).cancel).toBe("requested");
  await emulator.close();
  expect(clock.sleepers).toBe(0);
});

test.each(["completed", "failed"] as const)("a call that %s leaves no timer and no listener", async (how) => {
  const { signal } = new AbortController();
  const world = setup({ emulator: { models: [echo()] } });
  const input = how === "failed" ? ([] as never) : {};
  const call = world.fal.subscribe("acme/echo", { input, timeout: 1e6, abortSignal: signal });
  await call.catch(() => {});
  expect(getEventListeners(signal, "abort")).toEqual([]);
  // Its price may still be on its way.
  await world.fal.close();
  expect(world.clock.sleepers).toBe(0);
  expect(await call.cancel()).toBe(how === "completed" ? "too-late" : "not-sent");
});

test("queue.subscribeToStatus and queue.streamStatus leave nothing behind either", async () => {
  const { fal, clock, emulator } = setup({ emulator: slow });
  const { request_id: requestId } = await fal.queue.submit("acme/echo", { input: {} });
  const user = new AbortController();
  const abortSignal = user.signal;
  const error = await failureOf(
    fal.queue.subscribeToStatus("acme/echo", { requestId, abortSignal, timeout: 3_000 }),
  );
  expect(error).toMatchObject({ name: "TimeoutError" });
  const stream = await fal.queue.streamStatus("acme/echo", { requestId, abortSignal });
  for await (const _ of stream) break;
  // Whoever asks for done() right then wants the rest.
  await new Promise((resolve) => setTimeout(resolve, 1));
  expect(stream.signal.aborted).toBe(true);
  expect(await stream.done()).toMatchObject({ request_id: requestId });
  expect(getEventListeners(abortSignal, "abort")).toEqual([]);
  await emulator.close();
  expect(clock.sleepers).toBe(0);
});

test("even a fetch that heeds no signal does not hold a call back that was given up", async () => {
  const clock = virtualClock();
  const emulator = createEmulator({ clock, ...slow });
  const deaf: typeof fetch = (input, init) => {
    const request = new Request(input, init && { ...init, signal: null });
    return kindOf(request) === "status" ? new Promise(() => {}) : emulator.fetch(request);
  };
  const fal = createFal({ env: ENV, clock, fetch: deaf });
  for (const mode of ["auto", "polling"] as const) {
    const started = clock.now();
    const error = await failureOf(
      fal.subscribe("acme/echo", { input: {}, mode, timeout: 5_000, cancelOnAbort: false }),
    );
    expect(error).toMatchObject({ name: "TimeoutError" });
    expect(clock.now() - started).toBe(5_000);
  }
  await emulator.close();
  expect(clock.sleepers).toBe(0);
});
