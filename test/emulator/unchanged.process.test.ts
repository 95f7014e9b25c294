import { join } from "node:path";
import { expect, test } from "vitest";
import { BIN, child } from "../support/child.ts";
import { tempDir } from "../support/temp.ts";

const UNCHANGED = join(import.meta.dirname, "children/unchanged.mjs");

test("a program with fal's own client runs against it as it is", async () => {
  const program = ["--", process.execPath, UNCHANGED];
  // Whatever leads out of the machine here leads nowhere.
  const env = { XDG_DATA_HOME: tempDir(), HTTPS_PROXY: "http://127.0.0.1:9", NODE_USE_ENV_PROXY: "1" };
  const { code, stdout, stderr } = await child(
    BIN,
    ["emulate", "--port", "0", "--speed", "50", ...program],
    env,
  ).ended;
  expect(stdout, stderr).not.toBe("");
  expect(JSON.parse(stdout)).toEqual({
    picture: "image/jpeg",
    polled: 7,
    streamed: true,
    stored: "hello",
    drawn: true,
    https: [200, 200, 404],
    fetched: 200,
  });
  expect(code).toBe(0);
});
