import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StoreError, systemClock } from "fal-chain";
import { sqliteStore } from "fal-chain/sqlite";
import { expect, onTestFinished, test } from "vitest";
import { sqlStore } from "../../src/store/sql/store.ts";
import { sqliteDriver } from "../../src/store/sqlite/driver.ts";
import { openFile } from "../../src/store/sqlite/open.ts";
import { failureOf } from "../support/setup.ts";
import { tempDir } from "../support/temp.ts";
import { claim, intent, outcome, ticket } from "./samples.ts";

function open(path: string, options?: Parameters<typeof sqliteStore>[1]) {
  const store = sqliteStore(path, options);
  onTestFinished(() => store.close());
  return store;
}

/** Another program that has the file open. */
function other(path: string): DatabaseSync {
  const db = new DatabaseSync(path);
  onTestFinished(() => db.close());
  return db;
}

const integrity = (path: string) => other(path).prepare("pragma integrity_check").get();

test("the file and its directory are made, for this user only", async () => {
  const path = join(tempDir(), "a", "b", "store.db");
  const store = open(path);
  await store.calls.intend(intent("a"));
  for (const file of [path, `${path}-wal`, `${path}-shm`]) expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(path, "..")).mode & 0o777).toBe(0o700);
  expect(store).toMatchObject({ name: path, durable: true, keep: "all" });
});

test("what was noted is there when the file is opened again", async () => {
  const path = join(tempDir(), "store.db");
  const first = open(path);
  await first.calls.intend(intent("a"));
  await first.calls.completed("a", outcome, 2);
  await first.close();
  await first.close();
  await expect(first.calls.get("a")).rejects.toThrow("has been closed");
  expect(await open(path).calls.get("a")).toMatchObject({ state: "completed", outcome });
});

test("a store of ids keeps no payload, and says so", async () => {
  const path = join(tempDir(), "store.db");
  const store = open(path, { keep: "ids" });
  const fence = { chain: "poster", run: "1", epoch: 1 };
  const secret = "a fox";
  const { run } = await store.runs.claim(claim("1", { input: secret }));
  await store.calls.intend(intent("a", { body: secret, chain: "poster", run: "1", key: "k" }), { fence });
  await store.calls.submitted("a", ticket("r1"), 2);
  await store.calls.completed("a", { ...outcome, data: secret }, 3);
  await store.runs.saveStep(fence, { key: "k", name: "n", value: secret, error: undefined, at: 1 });
  await store.runs.appendEvents(fence, [secret]);
  await store.runs.end(fence, { state: "completed", output: secret }, 4);

  expect(store.keep).toBe("ids");
  expect(run).toMatchObject({ input: undefined });
  expect(await store.calls.get("a")).toMatchObject({
    state: "completed",
    body: undefined,
    outcome: undefined,
    usage: { units: 1.5 },
    ticket: ticket("r1"),
  });
  expect(await store.runs.get("poster", "1")).toMatchObject({ state: "completed", output: undefined });
  expect(await store.runs.steps("poster", "1")).toEqual([]);
  expect(await store.runs.events("poster", "1", 0)).toEqual([]);
  await expect(store.runs.appendEvents(fence, [secret])).rejects.toMatchObject({ code: "lease_lost" });
  await store.close();
  expect(readFileSync(path, "latin1")).not.toContain(secret);
});

test("a file that is no database, or another program's, is left as it was", () => {
  const dir = tempDir();
  const text = join(dir, "notes.txt");
  writeFileSync(text, "dear diary\n".repeat(100));
  expect(() => sqliteStore(text)).toThrow(`The store ${text} is not an SQLite database`);
  expect(readFileSync(text, "utf8")).toMatch(/^dear diary/);

  const foreign = join(dir, "foreign.db");
  other(foreign).exec("create table photos (id integer)");
  expect(() => sqliteStore(foreign)).toThrow("the database of another program");
  expect(other(foreign).prepare("select name from sqlite_schema").all()).toHaveLength(1);
});

test("a corrupt file is an error that names the file and the cure", async () => {
  const path = join(tempDir(), "store.db");
  const store = sqliteStore(path);
  for (let n = 0; n < 50; n++) await store.calls.intend(intent(`c${n}`));
  await store.close();
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.fill(0xab, 4_096));
  const opened = async () => {
    const broken = open(path);
    await broken.calls.intend(intent("a"));
  };
  await expect(opened()).rejects.toThrow(/store\.db is corrupt\. Move it away/);
});

test("a file that another process keeps locked is an error once busyTimeout is over", async () => {
  const path = join(tempDir(), "store.db");
  const store = open(path, { busyTimeout: 20 });
  const db = other(path);
  db.exec("begin immediate");
  await expect(store.calls.intend(intent("a"))).rejects.toThrow(/store\.db is locked: another process/);
  expect(await store.calls.get("a")).toBeUndefined();
  // It can be opened and read all the same; a new file could not be made.
  const second = open(path, { busyTimeout: 20 });
  expect(await second.calls.list()).toEqual([]);
  await expect(second.calls.intend(intent("a"))).rejects.toThrow("is locked");
  const fresh = join(tempDir(), "fresh.db");
  const held = other(fresh);
  chmodSync(fresh, 0o600);
  held.exec("pragma journal_mode = wal; begin immediate");
  expect(() => sqliteStore(fresh, { busyTimeout: 20 })).toThrow("is locked");
  db.exec("rollback");
  await store.calls.intend(intent("a"));
});

test("while another process has the lock the program goes on, and one write at a time tries for it", async () => {
  const path = join(tempDir(), "store.db");
  let slept = 0;
  let now = 0;
  const store = open(path, {
    busyTimeout: 1_000,
    clock: {
      now: () => now,
      async sleep(ms) {
        now += ms;
        if (++slept === 5) db.exec("rollback");
      },
    },
  });
  const db = other(path);
  db.exec("begin immediate");
  const before = performance.now();
  await Promise.all(["a", "b", "c", "d"].map((id) => store.calls.intend(intent(id))));
  expect(slept).toBe(5);
  // Each try waits for some milliseconds.
  expect(performance.now() - before).toBeLessThan(1_000);
  expect((await store.calls.list()).map(({ id }) => id)).toEqual(["d", "c", "b", "a"]);
});

test("a full disk fails the intent, and nothing is written by halves", async () => {
  const path = join(tempDir(), "store.db");
  const db = openFile(path, 20);
  const store = sqlStore(sqliteDriver(db, path, systemClock), { name: path, keep: "all" });
  onTestFinished(() => store.close());
  const reserve = [{ budget: "b", window: 0, limitNanoUsd: 1e9, nanoUsd: 10 }];
  await store.calls.intend(intent("before"), { reserve });
  const { page_count: pages } = db.prepare("pragma page_count").get() as { page_count: number };
  db.exec(`pragma max_page_count = ${pages + 1}`);
  const body = JSON.stringify("x".repeat(100_000));
  const full = await store.calls.intend(intent("a", { body }), { reserve }).catch((error) => error);
  expect(full).toBeInstanceOf(StoreError);
  expect(full.message).toContain("has no room: the disk or the quota is full");
  expect(full.message).not.toContain("xxx");
  expect(await store.calls.get("a")).toBeUndefined();
  await store.calls.submitted("before", ticket("r1"), 2);
  expect(integrity(path)).toEqual({ integrity_check: "ok" });
  expect(other(path).prepare("select sum(reserved) as reserved from budgets").get()).toEqual({
    reserved: 10,
  });
});

test.each([
  ["a file that may not be written", (path: string) => chmodSync(path, 0o444)],
  ["a directory that may not be entered", (path: string) => chmodSync(join(path, ".."), 0o000)],
])("%s is an error that says so", async (_, forbid) => {
  const dir = join(tempDir(), "d");
  mkdirSync(dir);
  const path = join(dir, "store.db");
  await sqliteStore(path).close();
  forbid(path);
  const error = asNobody(() => sqliteStore(path));
  chmodSync(dir, 0o700);
  expect(error).toBeInstanceOf(StoreError);
  expect(error.message).toMatch(/may not write there|permissions/);
});

test("a directory in place of the file is an error that says so", () => {
  const dir = tempDir();
  expect(() => sqliteStore(dir)).toThrow(`The store ${dir} is a directory`);
  writeFileSync(join(dir, "file"), "");
  expect(() => sqliteStore(join(dir, "file", "store.db"))).toThrow("a part of its path is a file");
  expect(existsSync(join(dir, "file", "store.db"))).toBe(false);
});

/** Root may do everything, so it becomes somebody else for the moment. */
function asNobody(act: () => unknown): Error {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    act();
  } catch (error) {
    return error as Error;
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
  throw new Error("nothing was thrown");
}

test("what can never be stored is told from a store that is away", async () => {
  const store = sqliteStore(join(tempDir(), "calls.db"));
  onTestFinished(() => store.close());
  await store.calls.intend(intent("a"));
  const circular: { self?: unknown } = {};
  circular.self = circular;
  const error = await failureOf(store.calls.completed("a", { ...outcome, data: circular }, 2));
  expect(error).toMatchObject({ name: "StoreError", isOfValue: true });
  expect(String(error)).toContain("cannot hold this");
  expect((await store.calls.get("a"))?.state).toBe("intended");
});
