import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { sqliteStore } from "fal-chain/sqlite";
import { expect, test } from "vitest";
import { appendToRescueFile } from "../../src/store/rescue-file.ts";
import { tempDir } from "../support/temp.ts";

test("a pipe is refused instead of waited for", () => {
  const path = join(tempDir(), "pipe");
  execFileSync("sh", ["-c", `mkfifo -m 600 ${path}`]);
  expect(() => appendToRescueFile(path, ["{}"])).toThrow(`${path} is no file`);
  expect(() => sqliteStore(path)).toThrow(`${path} is no file`);
});
