import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withoutBytes } from "../../src/cli/call.ts";
import { main } from "../../src/cli/main.ts";
import { command, emulated } from "../support/cli.ts";
import { tempDir } from "../support/temp.ts";

const PNG = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0, 255);
const BASE64 = Buffer.from(PNG).toString("base64");

let platform: Awaited<ReturnType<typeof emulated>>;
beforeAll(async () => {
  platform = await emulated();
  const { fetch } = platform.emulator;
  platform.emulator.fetch = async (request) => {
    const isResult = request.method === "GET" && /\/requests\/[\w-]+$/.test(new URL(request.url).pathname);
    const reply = await fetch(request);
    if (!isResult || !reply.ok) return reply;
    const headers = { ...Object.fromEntries(reply.headers), "content-type": "application/octet-stream" };
    return new Response(PNG, { headers: { ...headers, "content-length": String(PNG.length) } });
  };
});
afterAll(() => platform.close());

test("a result of bytes is printed as a file in a data: URI, anything else as it is", () => {
  const { buffer } = Uint8Array.of(0, 255);
  expect(withoutBytes(buffer)).toEqual({ url: "data:application/octet-stream;base64,AP8=" });
  expect(withoutBytes("text")).toBe("text");
  expect(withoutBytes({ a: 1 })).toEqual({ a: 1 });
});

test("--out saves a result of bytes, without it JSON has it, and lists say how long it is", async () => {
  const dir = tempDir();
  const env = { ...platform.env, FAL_CHAIN_STORE: join(dir, "calls.db") };
  const run = (...argv: string[]) => command(main, argv, { env });

  const saved = await run("call", "acme/echo", "--out", dir);
  expect([saved.code, saved.stdout]).toEqual([0, `${join(dir, "file")}\n`]);
  expect(readFileSync(join(dir, "file"))).toEqual(Buffer.from(PNG));
  const printed = await run("call", "acme/echo");
  expect(JSON.parse(printed.stdout)).toEqual({ url: `data:application/octet-stream;base64,${BASE64}` });

  const calls = await run("calls", "--json");
  const [{ id, outcome, for: whom }] = JSON.parse(calls.stdout);
  expect(outcome.data).toBe("6 bytes");
  const shown = [
    calls.stdout,
    ...(
      await Promise.all([
        run("calls", "show", id),
        run("calls", "show", id, "--json"),
        run("runs", "show", whom.run, "--json"),
      ])
    ).map(({ stdout }) => stdout),
  ];
  for (const text of shown.slice(1, 3)) expect(text).toContain("6 bytes");
  for (const text of shown.slice(0, 3)) expect(text).not.toContain(BASE64);
  expect(JSON.parse(shown[3] ?? "").steps[0].call.outcome.data).toBe("6 bytes");
});
