import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createFal } from "fal-chain";
import { type OutlivingOptions, outlivingEmulatorUnlessKey, serveEmulator } from "fal-chain/emulator";
import { expect, onTestFinished, test } from "vitest";
import { SMALL } from "../support/setup.ts";
import { tempDir } from "../support/temp.ts";

/** One that is gone after the test, however that ends. */
async function outliving(options: OutlivingOptions) {
  const found = await outlivingEmulatorUnlessKey({ env: {}, ...options });
  onTestFinished(async () => {
    await found.close();
    if (found.emulator) await ended(found.emulator.url);
  });
  return found;
}

const answers = (url: string) => fetch(url).then(Boolean, () => false);
/** Resolves once nothing listens there any more. */
async function ended(url: string): Promise<void> {
  while (await answers(url)) await sleep(5);
}

test("the next program finds the same emulator, with what was called; close ends it", async () => {
  const directory = tempDir();
  const first = await outliving({ directory });
  const fal = createFal({ env: first.env });
  const { request_id: requestId } = await fal.queue.submit("fal-ai/flux/schnell", { input: SMALL });
  await fal.close();

  const second = await outliving({ directory });
  expect([first.emulator?.survived, second.emulator?.survived]).toEqual([false, true]);
  expect(second.env).toEqual(first.env);
  expect(await second.emulator?.jobs()).toMatchObject([{ requestId, input: SMALL }]);

  const file = join(directory, "emulator.json");
  expect(statSync(file).mode & 0o077).toBe(0);
  await second.close();
  await ended(second.emulator?.url ?? "");
  expect(existsSync(file)).toBe(false);
});

test("one that nobody asks for anything ends by itself, and takes its note with it", async () => {
  const directory = tempDir();
  const { emulator } = await outliving({ directory, idleMs: 50 });
  const pid = JSON.parse(readFileSync(join(directory, "emulator.json"), "utf8")).pid as number;
  const isThere = () => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  while (isThere()) await sleep(5);
  expect(await answers(emulator?.url ?? "")).toBe(false);
  expect(existsSync(join(directory, "emulator.json"))).toBe(false);
});

test.each(["another emulator", "nothing"])("a note that leads to %s is not believed", async (what) => {
  const directory = tempDir();
  const other = await serveEmulator();
  if (what === "nothing") await other.close();
  mkdirSync(directory, { recursive: true });
  writeFileSync(
    join(directory, "emulator.json"),
    JSON.stringify({ url: other.url, pid: 1, token: "guessed" }),
  );
  const { emulator } = await outliving({ directory });
  expect(emulator?.survived).toBe(false);
  expect(emulator?.url).not.toBe(other.url);
  await other.close();
});

test("what listens in its place is told no token, and the token is in no list of processes", async () => {
  const directory = tempDir();
  const { emulator } = await outliving({ directory });
  const file = join(directory, "emulator.json");
  const { pid, token } = JSON.parse(readFileSync(file, "utf8")) as { pid: number; token: string };
  const { stdout } = spawnSync("ps", ["-ww", "-o", "args=", "-p", String(pid)], { encoding: "utf8" });
  expect(stdout).toContain("outliving-process");
  expect(stdout).not.toContain(token);

  // It answers with what the true one says to what it hears.
  const heard: string[] = [];
  const impostor = createServer(async (request, response) => {
    heard.push(`${request.method} ${request.url} ${JSON.stringify(request.rawHeaders)}`);
    const { method = "", headers } = request;
    const passed = Object.entries(headers).filter(([name]) => name.startsWith("x-outliving-"));
    const { host } = new URL(emulator?.url ?? "");
    const said = await fetch(`http://${host}${request.url}`, {
      method,
      headers: passed as [string, string][],
    });
    for (const [name, value] of said.headers) if (name.startsWith("x-")) response.setHeader(name, value);
    response.writeHead(said.status).end(await said.text());
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void impostor.close());
  await once(impostor, "listening");
  const url = `http://127.0.0.1:${(impostor.address() as { port: number }).port}`;
  writeFileSync(file, JSON.stringify({ url, pid, token }));
  const other = await outliving({ directory });
  expect(other.emulator?.survived).toBe(false);
  expect(heard).toHaveLength(1);
  expect(heard.join()).not.toContain(token);

  const control = `${emulator?.url}/outliving`;
  const asked = await fetch(control, { method: "DELETE", headers: { "x-outliving-challenge": "mine" } });
  expect(asked.status).toBe(401);
  const challenge = asked.headers.get("x-outliving-challenge") ?? "";
  const guesses = [
    `${challenge} ${asked.headers.get("x-outliving-proof")}`,
    `${challenge} ${token}`,
    challenge,
    "",
  ];
  for (const guess of guesses) {
    const answer = await fetch(control, { method: "DELETE", headers: { "x-outliving-proof": guess } });
    expect([answer.status, await answer.text()]).toEqual([401, ""]);
  }
  expect(await emulator?.jobs()).toEqual([]);
});

test("where the environment says how to reach fal nothing is started", async () => {
  const directory = join(tempDir(), "none");
  const configured = { FAL_KEY: "k3y:s3cr3t" };
  const { env: same, emulator } = await outliving({ directory, env: configured });
  expect([same, emulator, existsSync(directory)]).toEqual([configured, undefined, false]);
});
