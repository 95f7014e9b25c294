import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { sqliteStore } from "fal-chain/sqlite";
import { expect, test } from "vitest";
import { assertLocal, type Disk } from "../../src/store/sqlite/location.ts";
import { tempDir } from "../support/temp.ts";

/** A machine where these directories exist, on file systems of these types. */
const machine = (directories: Record<string, number>, links: Record<string, string> = {}): Disk => ({
  realpath: (path) => (path in directories ? path : undefined),
  readlink: (path) => links[path],
  fileSystem: (path) => directories[path] ?? 0,
});
const EXT4 = 0xef53;
const local = { "/": EXT4, "/home": EXT4, "/data": EXT4, "/data-of-mine": EXT4 };

test("a place on a disk of this machine is taken, whether or not it exists yet", () => {
  assertLocal("/home/store.db", machine(local));
  assertLocal("/home/a/b/store.db", machine(local));
  assertLocal("/data-of-mine/store.db", machine(local));
});

test.each(["/data/store.db", "/data/a/b/store.db", "/data"])("%s is refused", (path) => {
  expect(() => assertLocal(path, machine(local))).toThrow(/under \/data.*fal-chain\/postgres/);
  expect(() => assertLocal(path, machine({ "/": EXT4 }))).toThrow("under /data");
});

test("a link into /data is refused, also one to a file that does not exist yet", () => {
  const links = { "/home/store.db": "../data/store.db", "/home/dir": "/data", "/home/loop": "loop" };
  expect(() => assertLocal("/home/store.db", machine(local, links))).toThrow("under /data");
  expect(() => assertLocal("/home/dir/a/store.db", machine(local, links))).toThrow("under /data");
  assertLocal("/home/loop", machine(local, links));
});

test.each([
  [0x6969, "NFS"],
  [0xfe534d42, "SMB"],
  [0x65735546, "FUSE"],
  [0x01021997, "9P"],
  [0x0bd00bd0, "Lustre"],
])("a shared file system is refused by its number: %i is %s", (type, name) => {
  const shared = machine({ ...local, "/home/shared": type });
  expect(() => assertLocal("/home/shared/a/store.db", shared)).toThrow(`shared file system (${name})`);
  assertLocal("/home/store.db", shared);
});

test("a store is not opened where a link leads into /data, and nothing is made there", () => {
  const dir = tempDir();
  symlinkSync("/data/nowhere/store.db", join(dir, "store.db"));
  mkdirSync(join(dir, "fine"));
  expect(() => sqliteStore(join(dir, "store.db"))).toThrow("under /data");
  expect(() => sqliteStore("/data/nowhere/store.db")).toThrow("under /data");
});
