import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { BIN, child } from "../support/child.ts";
import { tempDir } from "../support/temp.ts";

const PLAIN = join(import.meta.dirname, "../runners/children/plain.ts");
const headers = { authorization: "Key ada:secret", "content-type": "application/json" };

/** The command over an app, without a terminal. */
async function dev(...argv: string[]) {
  const cwd = tempDir();
  const run = child(BIN, ["dev", PLAIN, "--port", "0", "--time-scale", "0.02", ...argv], {}, { cwd });
  const url = /FAL_HOST=(\S+)/.exec(await firstLines(run))?.[1] ?? "";
  const post = (path: string, body: unknown = {}) =>
    fetch(`${url}/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  return { ...run, url, post, cwd };
}

/** What it says of itself before anything happens. */
const firstLines = async (run: ReturnType<typeof child>): Promise<string> => {
  let text = "";
  run.process.stdout.on("data", (chunk: string) => {
    text += chunk;
  });
  await vi.waitUntil(() => text.includes("another caller"), 60_000);
  return text;
};

/** One that has ended and that nobody has asked how (`Z`) is no more. */
const isAlive = (pid: number): boolean => {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
};

test("it says what happens, line by line, and ends its runners with it", async () => {
  const { post, process: command, ended, wrote } = await dev("--runners", "2", "--unit-price", "0.5");
  const { pid } = (await (await post("run/me/plain")).json()) as { pid: number };
  await post("queue/me/plain/slow", { ms: 100 });
  await wrote("1 units\n");
  // What npm passes on comes twice, and is not meant twice.
  command.kill("SIGINT");
  command.kill("SIGTERM");
  const { code, stdout } = await ended;
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\d me\/plain │ begun$/m);
  expect(stdout).toMatch(/^me\/plain\/slow \S+: 200 after \d+\.\d s, 1 units$/m);
  expect(stdout).toMatch(/^Spent by the apps: \$0\.00 in 0 calls {3}Billed: 3 units to 1 caller, \$1\.50$/m);
  expect(isAlive(pid)).toBe(false);
});

test("killed itself, it leaves no process and no port, also of a runner that is busy", async () => {
  const { post, process: command, url } = await dev();
  const answer = (await (await post("run/me/plain")).json()) as { pid: number };
  const grandchild = (await (await post("run/me/plain/child")).json()) as { pid: number };
  expect([isAlive(answer.pid), isAlive(grandchild.pid)]).toEqual([true, true]);
  await post("run/me/plain/block", { ms: 10_000 });
  command.kill("SIGKILL");
  await vi.waitUntil(() => !isAlive(answer.pid) && !isAlive(grandchild.pid), 2_000);
  await expect(fetch(url)).rejects.toThrow();
});

test("--build-check imports an app without any variable", async () => {
  const cwd = tempDir();
  const write = (name: string, text: string) => {
    writeFileSync(join(cwd, name), text);
    return join(cwd, name);
  };
  const check = async (file: string) => {
    const { code, stdout, stderr } = await child(
      BIN,
      ["dev", "--build-check", file],
      { FAL_KEY: "a:b" },
      { cwd },
    ).ended;
    return { code, said: stdout + stderr };
  };
  expect(
    await check(write("good.ts", "export default { fetch() {} };\nsetInterval(() => {}, 1000);\n")),
  ).toEqual({
    ...{ code: 0, said: "good: can be imported without any variable.\n" },
  });
  const reads = await check(write("reads.ts", "export const key = process.env['FAL_KEY'];\n"));
  expect([reads.code, reads.said]).toEqual([2, expect.stringContaining("reads FAL_KEY meanwhile")]);
  const fails = await check(
    write("fails.ts", "if (!process.env['TOKEN']) throw new Error('TOKEN is missing');\n"),
  );
  expect([fails.code, fails.said]).toEqual([2, expect.stringContaining("Error: TOKEN is missing")]);
  const opens = await check(
    write("opens.ts", "import { createServer } from 'node:http';\ncreateServer().listen(8080);\n"),
  );
  expect([opens.code, opens.said]).toEqual([
    2,
    expect.stringContaining("put that behind isMain(import.meta)"),
  ]);
});
