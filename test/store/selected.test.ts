import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "fal-chain";
import { sqliteStore } from "fal-chain/sqlite";
import { afterAll, expect, test } from "vitest";
import { selectedStore } from "../../src/store/selected.ts";
import { ECHO, ENV, failureOf, setup } from "../support/setup.ts";

const dir = mkdtempSync(join(tmpdir(), "fal-chain-selected-"));
afterAll(() => rmSync(dir, { recursive: true }));
const input = { prompt: "a fox" };
const withStore = (selector: string) => setup({ env: { ...ENV, FAL_CHAIN_STORE: selector } });

test("FAL_CHAIN_STORE names the store, which is opened at the first call and closed with the client", async () => {
  const file = join(dir, "calls.db");
  const made = withStore(`sqlite:${file}`);
  expect(existsSync(file)).toBe(false);
  const { requestId } = await made.fal.subscribe(ECHO, { input });
  await made.fal.close();

  const store = sqliteStore(file);
  const [call] = await store.calls.list();
  expect(call).toMatchObject({ ticket: { requestId }, state: "completed", cost: { source: "measured" } });
  await store.close();

  // The client goes on: it opens the file again.
  expect(await made.fal.calls.list()).toHaveLength(1);
  const before = made.sent.length;
  expect((await made.fal.calls.collect(call?.id ?? "")).data).toEqual({ echo: input });
  expect(made.sent).toHaveLength(before);
  await made.fal.close();
});

test("a store that is named wrongly fails the first call before anything is paid, without repeating the name", async () => {
  const made = withStore("postgre://me:pass-123@db/fal");
  const error = await failureOf(made.fal.subscribe(ECHO, { input }));
  expect(error).toMatchObject({ name: "EnvironmentError", variable: "FAL_CHAIN_STORE" });
  expect(String(error)).toContain("FAL_CHAIN_STORE is not the name of a store. Give `memory`, `sqlite:PATH`");
  expect(String(error)).not.toContain("pass-123");
  expect(made.sent).toEqual([]);
});

test("one that cannot be opened fails the call, and is tried again by the next", async () => {
  const made = withStore(`sqlite:${join(dir, "file", "calls.db")}`);
  writeFileSync(join(dir, "file"), "not a directory");
  expect(await failureOf(made.fal.subscribe(ECHO, { input }))).toMatchObject({ code: "store" });
  expect(made.sent).toEqual([]);
  rmSync(join(dir, "file"));
  await made.fal.subscribe(ECHO, { input });
  await made.fal.close();
  expect(existsSync(join(dir, "file", "calls.db"))).toBe(true);
});

test.each([
  ["memory", { name: "memory", durable: false }],
  [`sqlite:${join(dir, "not-yet")}`, { name: join(dir, "not-yet"), durable: true }],
  [join(dir, "not-yet.db"), { name: join(dir, "not-yet.db"), durable: true }],
  ["postgres://me:pass-123@here:5433/fal", { name: "postgres://here:5433/fal", durable: true }],
  ["postgre://me:pass-123@here/fal", { name: "FAL_CHAIN_STORE", durable: true }],
])("what %s is is known before it is opened", (selector, facts) => {
  expect(selectedStore({ selector, by: "variable" }, systemClock)).toMatchObject({ ...facts, keep: "all" });
  expect(existsSync(join(dir, "not-yet"))).toBe(false);
});

test("a store that was passed in is not closed, and config keeps what is in memory", async () => {
  const store = sqliteStore(join(dir, "mine.db"));
  const mine = setup({ store });
  await mine.fal.subscribe(ECHO, { input });
  await mine.fal.close();
  expect(await store.calls.list()).toHaveLength(1);
  await store.close();

  const { fal } = setup();
  await fal.subscribe(ECHO, { input });
  fal.config({ requireRun: false });
  await fal.close();
  expect(await fal.calls.list()).toHaveLength(1);
});

test("however close together the first calls are, they share one store", async () => {
  const { fal } = setup();
  const calls = Array.from({ length: 30 }, async (_, turns) => {
    for (let turn = 0; turn < turns; turn++) await undefined;
    return fal.subscribe(ECHO, { input: { turns } });
  });
  await Promise.all(calls);
  expect(await fal.calls.list()).toHaveLength(30);
});
