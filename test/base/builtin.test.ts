import { afterEach, expect, test, vi } from "vitest";
import { builtin } from "../../src/base/builtin.ts";
import { sha256 } from "../../src/base/sha256.ts";
import { warn } from "../../src/base/warn.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

test("a runtime whose functions of Node's throw is one that has none, as Next's edge is", async () => {
  expect(builtin("node:path")?.sep).toBe("/");
  const no = () => {
    throw new Error("A Node.js API is used which is not supported");
  };
  vi.stubGlobal("process", { env: {}, getBuiltinModule: no, emitWarning: no });
  expect(builtin("node:path")).toBeUndefined();
  expect(await sha256("")).toBe(EMPTY);
  const said = vi.spyOn(console, "warn").mockImplementation(() => {});
  warn("a page has the key");
  expect(said).toHaveBeenCalledWith("FalWarning: a page has the key");
});
