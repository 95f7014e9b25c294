import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { child } from "../support/child.ts";

// A plugin or a bundle may bring a copy of this package of its own. Its calls belong to the run that they are made in.

const dir = mkdtempSync(join(tmpdir(), "fal-chain-copy-"));
afterAll(() => rmSync(dir, { recursive: true }));
const root = join(import.meta.dirname, "../..");

/** @param version What the second copy calls itself; undefined for what it is. */
function program(version?: string): string {
  const copy = join(dir, version ?? "same");
  for (const name of ["src", "package.json"]) cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  if (version) writeFileSync(join(copy, "src/base/version.ts"), `export const VERSION = "${version}";\n`);
  const file = join(copy, "program.ts");
  writeFileSync(
    file,
    `
    import { createFal } from ${JSON.stringify(join(root, "src/index.ts"))};
    import { createFal as otherFal } from ${JSON.stringify(join(copy, "src/index.ts"))};
    import { createEmulator } from ${JSON.stringify(join(root, "src/emulator/index.ts"))};
    import { sqliteStore } from ${JSON.stringify(join(root, "src/store/sqlite.ts"))};
    import { echo } from ${JSON.stringify(join(root, "test/support/models.ts"))};
    const emulator = createEmulator({ models: [echo({ seconds: 0 })] });
    const store = sqliteStore(${JSON.stringify(join(copy, "calls.db"))});
    const options = { env: { FAL_KEY: "a:b" }, store, fetch: (...args) => emulator.fetch(new Request(...args)) };
    const [fal, other] = [createFal(options), otherFal(options)];
    const chain = fal.chain("poster", async () => (await other.subscribe("acme/echo", { input: { n: 1 } })).data);
    const outcome = await chain.start(undefined, { id: "a", tags: { customer: "acme" } }).catch((error) => error.code);
    await chain.resume("a").catch(() => {});
    const calls = (await fal.calls.list()).map(({ for: { run, userTags } }) => ({ run, userTags }));
    console.log(JSON.stringify({ outcome, calls, jobs: emulator.jobs.length }));
    await fal.close();
    `,
  );
  return file;
}

test("a call of a second copy is a call of the run, with its tags, and is paid for once", async () => {
  const { stdout, stderr } = await child(program(), [], {}).ended;
  expect(JSON.parse(stdout || stderr)).toEqual({
    outcome: { echo: { n: 1 } },
    calls: [{ run: "a", userTags: { customer: "acme" } }],
    jobs: 1,
  });
});

test("a copy of another version is refused before anything is paid", async () => {
  const { stdout, stderr } = await child(program("9.9.9"), [], {}).ended;
  expect(JSON.parse(stdout || stderr)).toEqual({ outcome: "run_elsewhere", calls: [], jobs: 0 });
});
