import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { dataHome } from "../../src/environment/data-home.ts";

test.each([
  [{ XDG_DATA_HOME: "/data/share", HOME: "/home/me" }, "/data/share/fal-chain"],
  [{ XDG_DATA_HOME: "share", HOME: "/home/me" }, "/home/me/.local/share/fal-chain"],
  [{ HOME: "/home/me" }, "/home/me/.local/share/fal-chain"],
])("data is kept where the user's programs keep theirs: %o", (env, home) => {
  expect(dataHome(env)).toBe(home);
});

test("a user without a home, as in a container with an arbitrary id, keeps it with the temporary files", () => {
  const os = process.getBuiltinModule("node:os");
  const homedir = vi.spyOn(os, "homedir").mockImplementation(() => {
    throw new Error("uv_os_homedir returned ENOENT");
  });
  expect(dataHome({})).toBe(join(tmpdir(), "fal-chain"));
  homedir.mockRestore();
});
