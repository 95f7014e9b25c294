import { type RunState, useRun } from "fal-chain/react";
import { act } from "react";
import { afterAll, expect, test, vi } from "vitest";
import { echo, failing } from "../support/models.ts";
import { ECHO, failureOf, setup } from "../support/setup.ts";
import { shown } from "./stage.ts";

afterAll(() => vi.unstubAllGlobals());

/** An EventSource over what a server would say. */
function source() {
  const listeners = new Map<string, (event: { data?: string }) => void>();
  const opened = {
    readyState: 0,
    addEventListener: (type: string, listener: never) => void listeners.set(type, listener),
    close: () => {
      opened.readyState = 2;
    },
  };
  return {
    opened,
    say: (type: string, data?: unknown) => listeners.get(type)?.({ data: JSON.stringify(data) }),
  };
}

test("a run is shown from its events: its steps, its output and what it cost", async () => {
  const { fal } = setup({
    logger: { warn() {} },
    emulator: { models: [echo({ lines: ["50%"] }), failing()] },
  });
  const chain = fal.chain("poster", async (text: string) => {
    const refused = await failureOf(fal.subscribe("acme/failing", { input: {} }));
    const { data } = await fal.subscribe(ECHO, { input: { text }, step: "draw", logs: true });
    return { data, refused: String(refused).includes("No.") };
  });
  const run = chain.start("a fox", { id: "order-1" });
  const expected = await run;
  await run.total;
  const handle = await fal.runs.get("poster", "order-1");
  const streams: ReturnType<typeof source>[] = [];
  const open = () => {
    const stream = source();
    streams.push(stream);
    return stream.opened;
  };
  const page = await shown(() => useRun<Awaited<typeof expected>>("/progress", { open }));
  // StrictMode mounts twice, and what it left is closed.
  expect(streams.map(({ opened }) => opened.readyState)).toEqual([2, 0]);
  expect(page.now).toMatchObject({ status: "connecting", isPending: true });
  const stream = streams.at(-1);
  await act(async () => {
    for await (const event of handle?.events() ?? []) {
      stream?.say("message", event);
      // A server that was cut off may say it again.
      stream?.say("message", event);
    }
  });
  expect(page.now).toMatchObject({
    status: "completed",
    isPending: false,
    output: expected,
    total: { calls: 2 },
  });
  expect(page.now.steps.map(({ step, status, progress }) => [step, status, progress])).toEqual([
    ["acme/failing", "failed", undefined],
    ["draw", "completed", 0.5],
  ]);
  expect(page.now.steps[1]?.logs.map(({ message }) => message)).toEqual(["stand-in", "50%"]);
  expect(stream?.opened.readyState).toBe(2);

  await page.render(() => useRun(undefined, { open }) as RunState<Awaited<typeof expected>>);
  expect(page.now).toMatchObject({ status: "idle", steps: [], output: undefined });
});

test("a stream that breaks off is waited for, and one that is refused is a failure", async () => {
  const { opened, say } = source();
  const page = await shown(() => useRun("/progress", { open: () => opened }));
  opened.readyState = 0;
  await act(async () => say("error"));
  expect(page.now.status).toBe("connecting");
  opened.readyState = 2;
  await act(async () => say("error"));
  expect(page.now).toMatchObject({ status: "failed", isPending: false });
  expect(String(page.now.error)).toContain("/progress");
});
