import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { child } from "../support/child.ts";

// A forgotten await is said by what it is, and ends no server.

const dir = mkdtempSync(join(tmpdir(), "fal-chain-forgotten-"));
afterAll(() => rmSync(dir, { recursive: true }));
const root = join(import.meta.dirname, "../..");

const FORGOTTEN: Readonly<Record<string, string>> = {
  "a call": `fal.subscribe("acme/echo", { input: { n: 2 } });`,
  "a submit": `fal.queue.submit("acme/echo", { input: { n: 2 } });`,
  "a step": `fal.step("think", async () => { await fal.subscribe("acme/echo", { input: { n: 2 } }); });`,
  "a map": `fal.map([2, 3], async (n) => { await later(); await fal.subscribe("acme/echo", { input: { n } }); });`,
  "a fallback": `fal.fallback([async () => { await later(); await fal.subscribe("acme/echo", { input: { n: 2 } }); }]);`,
  "a call that fails": `fal.subscribe("acme/nobody", { input: { n: 2 } }); await new Promise((r) => setTimeout(r, 200));`,
};

test.each(Object.entries(FORGOTTEN))("%s that nobody awaits", async (name, forgotten) => {
  const file = join(dir, `${name.replaceAll(" ", "-")}.ts`);
  writeFileSync(
    file,
    `
    import { createFal } from ${JSON.stringify(join(root, "src/index.ts"))};
    import { createEmulator } from ${JSON.stringify(join(root, "src/emulator/index.ts"))};
    import { sqliteStore } from ${JSON.stringify(join(root, "src/store/sqlite.ts"))};
    import { echo } from ${JSON.stringify(join(root, "test/support/models.ts"))};
    const emulator = createEmulator({ models: [echo({ seconds: 0 })] });
    const said = [];
    const fal = createFal({
      env: { FAL_KEY: "a:b" },
      store: sqliteStore(${JSON.stringify(`${file}.db`)}),
      logger: { warn: ({ err }, message) => said.push(message + ": " + err?.message) },
      fetch: (...args) => emulator.fetch(new Request(...args)),
    });
    const later = () => new Promise((resolve) => setTimeout(resolve, 100));
    const chain = fal.chain("poster", async () => {
      await fal.subscribe("acme/echo", { input: { n: 1 } });
      ${forgotten}
      return "done";
    });
    const output = await chain.start(undefined, { id: "a" });
    await new Promise((resolve) => setTimeout(resolve, 400));
    console.log(JSON.stringify({ output, said }));
    await fal.close();
    `,
  );
  const { code, stdout, stderr } = await child(file, [], {}).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const { output, said } = JSON.parse(stdout) as { output: string; said: string[] };
  expect(output).toBe("done");
  expect(said.join("\n")).toMatch(/Await every (call|step)/);
  expect(said.join("\n")).not.toMatch(/lease|not this process's/);
});
