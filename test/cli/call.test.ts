import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { command, emulated } from "../support/cli.ts";
import { echo } from "../support/models.ts";

let platform: Awaited<ReturnType<typeof emulated>>;
beforeAll(async () => {
  platform = await emulated(
    echo({ id: "acme/wicked", seconds: 0.2, lines: ["\u001b[2Jcleared\u009b31m\u0007"] }),
  );
});
afterAll(() => platform.close());

const call = (argv: string[], options: { stdin?: string; isTTY?: boolean } = {}) =>
  command(main, ["call", ...argv], { env: { ...platform.env, FAL_JOB_ID: "job-7" }, ...options });

test.concurrent("the output goes to standard output, the status and the bill to standard error", async () => {
  const { code, stdout, stderr } = await call(["acme/echo", "prompt=a fox", "n=2"]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ echo: { prompt: "a fox", n: 2 } });
  expect(stderr).toMatch(
    /^acme\/echo: running\nacme\/echo: stand-in\nacme\/echo: half way\nacme\/echo: done in/m,
  );
  expect(stderr).toMatch(/^endpoint +request +wait +run +billed +cost$/m);
  expect(stderr).toMatch(/^ {2}tags {5}job_id=job-7 {2}chain=call {2}run=[\w-]+$/m);
});

test.concurrent("--json gives the whole result, with tags and cost", async () => {
  const { code, stdout } = await call(["acme/echo", "--json", "--tag", "customer=acme", "--input", "-"], {
    stdin: '{"prompt":"a fox"}',
  });
  expect(code).toBe(0);
  const job = platform.emulator.jobs.find(({ requestId }) => stdout.includes(requestId));
  expect(JSON.parse(stdout)).toMatchObject({
    endpoint: "acme/echo",
    data: { echo: { prompt: "a fox" } },
    requestId: job?.requestId,
    tags: { job_id: "job-7", chain: "call", customer: "acme" },
    cost: { source: "measured", nanoUsd: 10_000_000, usd: "0.01", unit: "images" },
    files: [],
  });
  expect(job?.tags).toEqual(JSON.parse(stdout).tags);
});

test.concurrent("--out downloads the files and prints their names", async () => {
  const out = await mkdtemp(join(tmpdir(), "fal-chain-"));
  try {
    const { code, stdout } = await call([
      "fal-ai/flux/schnell",
      "prompt=a fox",
      "num_images=2",
      "--out",
      out,
    ]);
    expect(code).toBe(0);
    expect(stdout).toBe(`${join(out, "images-0.jpg")}\n${join(out, "images-1.jpg")}\n`);
    expect(await readdir(out)).toEqual(["images-0.jpg", "images-1.jpg"]);

    const none = await call(["acme/echo", "--out", out]);
    expect(none.stderr).toContain("The output holds no files.\n");
    expect(JSON.parse(none.stdout)).toEqual({ echo: {} });
  } finally {
    await rm(out, { recursive: true });
  }
});

test.concurrent("--timeout cancels upstream, says what became of it, and exits with 124", async () => {
  const { code, stdout, stderr } = await call(["acme/endless", "--timeout", "800ms"]);
  expect(code).toBe(124);
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^acme\/endless {2}asked to stop; it may still finish and be billed$/m);
  expect(stderr).toMatch(/^error: The call to acme\/endless had no result after 800 ms \(request [\w-]+\)$/m);
  const job = platform.emulator.jobs.find(({ requestId }) => stderr.includes(requestId));
  expect(job).toMatchObject({ endpoint: "acme/endless", cancelled: true });
});

test.concurrent("nothing that a model or a caller writes reaches the terminal as a control sequence", async () => {
  const { stdout, stderr } = await call(["acme/wicked", "prompt=\u001b[2J\u009b31m"]);
  for (const text of [stdout, stderr]) expect(text.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  expect(JSON.parse(stdout).echo.prompt).toBe("\u001b[2J\u009b31m");
  expect(stderr).toContain("acme/wicked: cleared");
});

test.concurrent("a model's no is told in its own words", async () => {
  const { code, stderr } = await call(["fal-ai/flux/schnell", "num_images=9", "prompt=a fox"]);
  expect(code).toBe(1);
  expect(stderr.trimEnd().split("\n").at(-1)).toMatch(
    /^error: fal-ai\/flux\/schnell: num_images: Input should be less than or equal to 4 \(HTTP 422\)$/,
  );
});

test.concurrent("an endpoint that fal does not know is told in fal's words, in one line and without a table", async () => {
  const { code, stdout, stderr } = await call(["acme/nothing"]);
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(
    /^acme\/nothing: failed\nerror: acme\/nothing: Application "acme\/nothing" not found\. [^\n]+ \(HTTP 404\)\n$/,
  );
});

test.concurrent("a submit whose answer is lost exits with 3 and is not repeated", async () => {
  let posts = 0;
  const server = createServer((request, response) => {
    // This key may not read the history either.
    if (request.method === "GET") return response.writeHead(403).end();
    posts++;
    request.socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const env = { FAL_KEY: "any:key", FAL_HOST: `http://127.0.0.1:${port}` };
  const { code, stderr } = await command(main, ["call", "acme/echo"], { env });
  server.close();
  expect([code, posts]).toEqual([3, 1]);
  expect(stderr).toContain("error: The submit to acme/echo may or may not have been accepted");
  expect(stderr).toMatch(/^acme\/echo +failed +may be billed$/m);
});
