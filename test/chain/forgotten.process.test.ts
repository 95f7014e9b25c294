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
  "a branch": `fal.branch("b", async () => { await later(); await fal.subscribe("acme/echo", { input: { n: 2 } }); });`,
  "a fallback": `fal.fallback([async () => { await later(); await fal.subscribe("acme/echo", { input: { n: 2 } }); }]);`,
  "a call that fails": `fal.subscribe("acme/nobody", { input: { n: 2 } }); await failed();`,
};

test.each(Object.entries(FORGOTTEN))("%s that nobody awaits", async (name, forgotten) => {
  const file = join(dir, `${name.replaceAll(" ", "-")}.ts`);
  writeFileSync(
    file,
    `
    import { setImmediate as nextTurn } from "node:timers/promises";
    import { createFal } from ${JSON.stringify(join(root, "src/index.ts"))};
    import { createEmulator } from ${JSON.stringify(join(root, "src/emulator/index.ts"))};
    import { sqliteStore } from ${JSON.stringify(join(root, "src/store/sqlite.ts"))};
    import { echo } from ${JSON.stringify(join(root, "test/support/models.ts"))};
    const emulator = createEmulator({ models: [echo({ seconds: 0 })] });
    const said = [];
    const [ended, warned] = [Promise.withResolvers(), Promise.withResolvers()];
    const fal = createFal({
      env: { FAL_KEY: "a:b" },
      store: sqliteStore(${JSON.stringify(`${file}.db`)}),
      logger: {
        warn({ err }, message) {
          said.push(message + ": " + err?.message);
          warned.resolve();
        },
      },
      fetch: (...args) => emulator.fetch(new Request(...args)),
    });
    const later = () => ended.promise;
    const failed = async () => {
      while (!(await fal.calls.list()).some(({ state }) => state === "failed")) await nextTurn();
      await nextTurn();
    };
    const chain = fal.chain("poster", async () => {
      await fal.subscribe("acme/echo", { input: { n: 1 } });
      ${forgotten}
      return "done";
    });
    const output = await chain.start(undefined, { id: "a" });
    ended.resolve();
    await warned.promise;
    await fal.close();
    console.log(JSON.stringify({ output, said }));
    `,
  );
  const { code, stdout, stderr } = await child(file, [], {}).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const { output, said } = JSON.parse(stdout) as { output: string; said: string[] };
  expect(output).toBe("done");
  expect(said.join("\n")).toMatch(/Await every (call|step)/);
  expect(said.join("\n")).not.toMatch(/lease|not this process's/);
});
