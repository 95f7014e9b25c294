import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFal } from "fal-chain";
import { afterAll, expect, test } from "vitest";
import { ECHO, failureOf, setup } from "../support/setup.ts";

const dir = mkdtempSync(join(tmpdir(), "fal-chain-options-"));
afterAll(() => rmSync(dir, { recursive: true }));

test.each([
  [{ timeout: Number.NaN }, /timeout is NaN; it is a number of milliseconds/],
  [{ timeout: "90s" }, /timeout is "90s"/],
  [{ timeout: -5 }, /timeout is -5/],
  [{ pollInterval: 0 }, /pollInterval is 0/],
  [{ pollInterval: Number.NaN, mode: "polling" }, /pollInterval is NaN/],
  [{ idleTimeout: "1" }, /idleTimeout is "1"/],
  [{ startTimeout: "5" }, /startTimeout is "5"; it is in seconds/],
  [{ pollIntervall: 500 }, /no option "pollIntervall". Did you mean "pollInterval"/],
  [{ webhookURL: "https://a.test" }, /no option "webhookURL". Did you mean "webhookUrl"/],
  [{ constructor: 1 }, /no option "constructor"/],
])("an option that cannot be meant is refused before anything is sent: %o", async (options, message) => {
  const { fal, sent } = setup();
  const wrong = { input: {}, ...options } as never;
  await expect(fal.subscribe(ECHO, wrong)).rejects.toThrow(message);
  await expect(fal.queue.submit(ECHO, wrong)).rejects.toThrow(message);
  expect(sent).toEqual([]);
});

test("a wait for a status is held to the same", async () => {
  const { fal } = setup();
  const wrong = { requestId: "r1", timeout: "90s" } as never;
  await expect(fal.queue.subscribeToStatus(ECHO, wrong)).rejects.toThrow(/timeout is "90s"/);
});

test("a store can be given by its name, and is closed with the client", async () => {
  const store = `sqlite:${join(dir, "calls.db")}`;
  const { fal } = setup({ store });
  const { requestId } = await fal.subscribe(ECHO, { input: {} });
  await fal.close();
  const later = createFal({ env: {}, store });
  expect(await later.calls.list()).toMatchObject([{ ticket: { requestId } }]);
  await later.close();
});

test("a text that names no store is refused with the names that there are", async () => {
  const { fal, sent } = setup({ store: "sqllite:calls" });
  expect(String(await failureOf(fal.subscribe(ECHO, { input: {} })))).toMatch(
    /store is not the name.*sqlite:PATH/,
  );
  expect(sent).toEqual([]);
});
