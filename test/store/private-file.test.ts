import {
  chmodSync,
  closeSync,
  existsSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { StoreError } from "fal-chain";
import { sqliteStore } from "fal-chain/sqlite";
import { expect, onTestFinished, test, vi } from "vitest";
import { shellWord } from "../../src/base/text.ts";
import { openPrivate } from "../../src/store/private-file.ts";
import { appendToRescueFile } from "../../src/store/rescue-file.ts";
import { tempDir } from "../support/temp.ts";

/** Whoever keeps something in a file: the store, and the rescue file. */
const keepers = {
  "SQLite store": (path: string) => void sqliteStore(path).close(),
  "rescue file": (path: string) => appendToRescueFile(path, ["{}"]),
};

test.each(Object.entries(keepers))("%s: a new file and its directory are this user's only", (_, keep) => {
  const before = process.umask(0);
  onTestFinished(() => void process.umask(before));
  const path = join(tempDir(), "a", "kept");
  keep(path);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(path, "..")).mode & 0o777).toBe(0o700);
  keep(path);
});

test.each(
  Object.values(keepers).flatMap((keep) =>
    [0o644, 0o640, 0o604, 0o620, 0o666].map((mode) => [mode, keep] as const),
  ),
)("a file of mode %o is an error that says so and how to close it", (mode, keep) => {
  const path = join(tempDir(), "it's kept");
  writeFileSync(path, "");
  chmodSync(path, mode);
  expect(() => keep(path)).toThrow(StoreError);
  expect(() => keep(path)).toThrow(`its mode is ${mode.toString(8)}`);
  expect(readFileSync(path, "utf8")).toBe("");
  expect(() => keep(path)).toThrow(`try again: chmod 600 ${shellWord(path)}`);
  chmodSync(path, 0o600);
  keep(path);
});

test.each(Object.entries(keepers))("%s: no link is followed, wherever it leads", (_, keep) => {
  const dir = tempDir();
  const theirs = join(dir, "theirs");
  for (const name of ["theirs", "nowhere"]) {
    const path = join(dir, `${name}.link`);
    symlinkSync(join(dir, name), path);
    if (name === "theirs") writeFileSync(theirs, "", { mode: 0o600 });
    expect(() => keep(path)).toThrow(`${path} is a symbolic link`);
  }
  expect(readFileSync(theirs, "utf8")).toBe("");
  expect(existsSync(join(dir, "nowhere"))).toBe(false);
});

test.each(["-wal", "-shm", "-journal"])("SQLite's own file %s is held to the same", (ending) => {
  const path = join(tempDir(), "store.db");
  symlinkSync(join(path, "..", "theirs"), path + ending);
  expect(() => sqliteStore(path)).toThrow(`${path}${ending} is a symbolic link`);
});

test("what SQLite keeps beside the file is held to the same, and so is a file with something in it", async () => {
  const path = join(tempDir(), "store.db");
  const first = sqliteStore(path);
  onTestFinished(() => first.close());
  for (const file of [`${path}-wal`, path]) {
    chmodSync(file, 0o640);
    expect(() => sqliteStore(path)).toThrow(`${file} is open to other users (its mode is 640)`);
    chmodSync(file, 0o600);
  }
  sqliteStore(path).close();
});

test("nobody is told to change the mode of another program's file", () => {
  const path = join(tempDir(), "notes");
  writeFileSync(path, "dear diary");
  expect(() => sqliteStore(path)).toThrow("is not an SQLite database");
});

test("a file of another user is refused, whatever its mode", () => {
  const path = join(tempDir(), "kept");
  writeFileSync(path, "", { mode: 0o600 });
  const uid = statSync(path).uid;
  vi.spyOn(process, "getuid").mockReturnValue(uid + 1);
  onTestFinished(() => void vi.restoreAllMocks());
  expect(() => openPrivate(path)).toThrow(
    `belongs to another user (${uid}; this process runs as ${uid + 1})`,
  );
});

test("where the system has no users, as Windows, the modes say nothing", () => {
  const path = join(tempDir(), "kept");
  writeFileSync(path, "");
  chmodSync(path, 0o644);
  vi.spyOn(process, "getuid").mockReturnValue(undefined as never);
  onTestFinished(() => void vi.restoreAllMocks());
  closeSync(openPrivate(path));
});
