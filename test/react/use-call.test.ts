import type { Fal } from "fal-chain";
import { type KeyStorage, type UseCall, useCall } from "fal-chain/react";
import { act } from "react";
import { afterAll, expect, test, vi } from "vitest";
import { echo, failing } from "../support/models.ts";
import { ECHO, setup } from "../support/setup.ts";
import { shown } from "./stage.ts";

afterAll(() => vi.unstubAllGlobals());

const LOGS = ["10%|█   | 1/10", "half", "100%|████| 10/10"];
const world = () => setup({ emulator: { models: [echo({ seconds: 5, lines: LOGS }), failing()] } });

function storage(): KeyStorage & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
}

/** What a page would say of it. */
const told = (seen: readonly UseCall<string>[]) => [...new Set(seen.map(({ status }) => status))];
const until = (check: () => void) => act(() => vi.waitFor(check));

test("a call is made when it is started, and shown as it gets on, once in StrictMode too", async () => {
  const { fal, emulator } = world();
  const page = await shown(() => useCall(ECHO, { fal, logs: true, tags: { feature: "poster" } }));
  expect(page.now).toMatchObject({ status: "idle", isPending: false });
  expect(emulator.jobs).toEqual([]);
  await act(async () => {
    const first = page.now.start({ text: "a fox" });
    // Whoever clicks twice does not pay twice.
    expect(page.now.start({ text: "a fox" })).toBe(first);
    await first;
  });
  expect(page.now).toMatchObject({
    ...{ status: "completed", isPending: false, data: { echo: { text: "a fox" } }, progress: 1 },
    requestId: emulator.jobs[0]?.requestId,
  });
  expect(page.now.logs.map(({ message }) => message).slice(-3)).toEqual(LOGS);
  expect(told(page.seen)).toEqual(["idle", "submitting", "queued", "running", "completed"]);
  expect(page.seen.map(({ progress }) => progress)).toContain(0.1);
  expect(emulator.jobs.map(({ tags }) => tags)).toEqual([{ feature: "poster" }]);
  await act(async () => page.now.reset());
  expect(page.now).toMatchObject({ status: "idle", data: undefined });
});

test("a failure is shown, and nobody need catch it; a call that is given up is cancelled at fal", async () => {
  const { fal, emulator } = world();
  const failed = await shown(() => useCall("acme/failing", { fal }));
  await act(async () => void failed.now.start({}));
  await until(() => expect(failed.now.status).toBe("failed"));
  expect(failed.now).toMatchObject({ isPending: false, error: { status: 422 } });

  const page = await shown(() => useCall(ECHO, { fal }));
  expect(await page.now.cancel()).toBe("not-sent");
  await act(async () => {
    const call = page.now.start({});
    await call.submitted;
    expect(["in-time", "requested"]).toContain(await page.now.cancel());
  });
  await until(() => expect(page.now.status).toBe("cancelled"));
  expect(emulator.jobs).toHaveLength(2);
});

test("a named call is shown by all that name it, outlives them, and goes on in a page that is loaded again", async () => {
  const { fal, emulator, sent } = world();
  const kept = storage();
  const use = (client: Pick<Fal, "subscribe" | "queue">) => () =>
    useCall(ECHO, { fal: client, name: "poster", storage: kept, logs: true });
  const [one, other] = [await shown(use(fal)), await shown(use(fal))];
  await act(async () => {
    await one.now.start({ text: "a fox" }).submitted;
  });
  expect(other.now.requestId).toBe(emulator.jobs[0]?.requestId);
  await one.unmount();
  await other.unmount();

  // Another page has another client.
  const attach = vi.fn(fal.queue.attach);
  const reloaded = { subscribe: fal.subscribe, queue: { ...fal.queue, attach } };
  const page = await shown(use(reloaded));
  await until(() => expect(page.now.status).toBe("completed"));
  expect(page.now.data).toEqual({ echo: { text: "a fox" } });
  // Whoever comes later in the same page finds it there.
  await page.unmount();
  expect((await shown(use(reloaded))).now.status).toBe("completed");
  expect(attach).toHaveBeenCalledTimes(1);
  expect(emulator.jobs).toHaveLength(1);
  expect(sent.filter(({ kind }) => kind === "submit")).toHaveLength(1);

  // Its result is there as long as fal has it; then there is nothing to show, and nothing failed.
  expect(kept.kept.size).toBe(1);
  for (const [key, value] of kept.kept) {
    kept.kept.set(key, value.replace(/"requestId":"[^"]*"/, '"requestId":"gone"'));
  }
  const late = await shown(use({ ...reloaded }));
  await until(() => expect(late.now.isPending).toBe(false));
  expect([late.now.status, kept.kept.size]).toEqual(["idle", 0]);
});

test.each<[string, KeyStorage]>([
  [
    "forbids it",
    {
      ...storage(),
      getItem: () => {
        throw new Error("denied");
      },
      setItem: () => {
        throw new Error("denied");
      },
    },
  ],
  ["holds nonsense", { ...storage(), getItem: () => "{" }],
  ["holds another endpoint's", { ...storage(), getItem: () => '{"endpoint":"acme/other","requestId":"r1"}' }],
])("a page whose storage %s begins anew", async (_, kept) => {
  const { fal } = world();
  const page = await shown(() => useCall(ECHO, { fal, name: "poster", storage: kept }));
  expect(page.now.status).toBe("idle");
  await act(async () => void (await page.now.start({})));
  expect(page.now.status).toBe("completed");
});
