import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { sqliteStore } from "fal-chain/sqlite";
import { expect, onTestFinished, test } from "vitest";
import { migrate } from "../../src/store/sqlite/migrate.ts";
import { tempDir } from "../support/temp.ts";
import { intent } from "./samples.ts";

function database(path = ":memory:"): DatabaseSync {
  const db = new DatabaseSync(path);
  onTestFinished(() => db.close());
  return db;
}
const version = (db: DatabaseSync) => db.prepare("pragma user_version").get()?.["user_version"];
const tables = (db: DatabaseSync) => db.prepare("select name from sqlite_schema order by name").all();

const first = () => ["create table a (id text)"];
const second = () => ["create table b (id text)", "insert into b select id from a"];
const broken = () => ["create table b (id text)", "insert into nowhere values (1)"];

test("a file of an earlier version is brought to this one, with what is in it", () => {
  const db = database();
  migrate(db, "f", [first]);
  db.exec("insert into a values ('x')");
  migrate(db, "f", [first, second]);
  expect(version(db)).toBe(2);
  expect(db.prepare("select id from b").all()).toEqual([{ id: "x" }]);
  migrate(db, "f", [first, second]);
  expect(db.prepare("select id from b").all()).toHaveLength(1);
});

test("a migration that fails in the middle leaves the version before, and is done again later", () => {
  const db = database();
  expect(() => migrate(db, "f", [first, broken])).toThrow("nowhere");
  expect(version(db)).toBe(1);
  expect(tables(db)).toEqual([{ name: "a" }]);
  migrate(db, "f", [first, second]);
  expect(version(db)).toBe(2);
});

test("a file of a newer version is refused and left alone", async () => {
  const path = join(tempDir(), "store.db");
  const store = sqliteStore(path);
  await store.calls.intend(intent("a"));
  await store.close();
  const db = database(path);
  db.exec("pragma user_version = 99");
  expect(() => sqliteStore(path)).toThrow(/newer version of fal-chain \(its schema is 99/);
  expect(version(db)).toBe(99);
});
