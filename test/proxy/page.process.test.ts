import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { getRequestListener } from "@hono/node-server";
import { type BuildOptions, type BuildResult, build, type Metafile, type OutputFile } from "esbuild";
import { createFal, memoryStore } from "fal-chain";
import { serveEmulator } from "fal-chain/emulator";
import { createProxy } from "fal-chain/proxy";
import { afterAll, expect, test } from "vitest";
import { echo, STREAMS, streaming } from "../support/models.ts";
import { ENV } from "../support/setup.ts";
import { tempDir } from "../support/temp.ts";

// The client in a page: no module of Node's is on its way, and a real browser calls through a proxy with it.

const bundle = (options: BuildOptions): Promise<BuildResult<{ write: false; metafile: true }>> =>
  build({
    bundle: true,
    platform: "browser",
    format: "esm",
    target: "es2022",
    conditions: ["fal-chain-source"],
    minify: true,
    splitting: true,
    outdir: "out",
    write: false,
    metafile: true,
    logLevel: "silent",
    ...options,
  }) as Promise<BuildResult<{ write: false; metafile: true }>>;

test("a bundle for pages holds nothing of Node's and no database, and warns of nothing", async () => {
  const contents = 'export * from "fal-chain"; export * from "fal-chain/webhooks";';
  const { warnings, metafile, outputFiles } = await bundle({
    stdin: { contents, resolveDir: import.meta.dirname },
  });
  expect(warnings).toEqual([]);
  const imported = Object.values(metafile.outputs).flatMap(({ imports }) => imports);
  expect(imported.filter(({ external }) => external)).toEqual([]);
  const files = Object.keys(metafile.inputs);
  expect(files.length).toBeGreaterThan(100);
  expect(files.filter((path) => /node:|\/pg\/|store\/(sql|postgres|rescue-file-)/.test(path))).toEqual([
    // What names a database without its password.
    "src/store/postgres/name.ts",
  ]);
  // docs/proxy.md says what it is.
  expect(atOnce(metafile, outputFiles)).toBeLessThan(125_000);
});

/** What a page has loaded before anything is called, compressed, in bytes; what it imports later is no part of it. */
function atOnce({ outputs }: Metafile, files: readonly OutputFile[]): number {
  const names = Object.keys(outputs);
  const loaded = new Set(names.filter((name) => outputs[name]?.entryPoint === "<stdin>"));
  for (const name of loaded) {
    for (const { path, kind } of outputs[name]?.imports ?? [])
      if (kind === "import-statement") loaded.add(path);
  }
  const sizes = files
    .filter(({ path }) => [...loaded].some((name) => basename(name) === basename(path)))
    .map(({ contents }) => brotliCompressSync(contents).length);
  expect(sizes).toHaveLength(loaded.size);
  return sizes.reduce((sum, size) => sum + size, 0);
}

const BROWSER = ["chromium-headless-shell", "chromium", "google-chrome"]
  .map((name) => join("/usr/bin", name))
  .find((path) => existsSync(path));

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--remote-debugging-port=0",
];

const PIECES = [{ n: 1 }, { n: 2, text: "ä" }];

const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

test.skipIf(!BROWSER)(
  "a real browser calls through a proxy with both clients",
  { timeout: 90_000 },
  async () => {
    const slow = echo({ id: "acme/slow", seconds: 1, lines: ["half"] });
    const { url, close } = await serveEmulator({ models: [echo({ seconds: 0 }), slow, streaming(PIECES)] });
    const fal = createFal({ env: { ...ENV, FAL_HOST: url }, store: memoryStore() });
    const proxy = createProxy({
      fal,
      allow: ["acme/*"],
      uploads: true,
      authorize: (request) => ({ tags: { customer: request.headers.get("cookie")?.split("=")[1] } }),
    });
    const entryPoints = [join(import.meta.dirname, "children/page.ts")];
    const { outputFiles } = await bundle({ entryPoints });
    const scripts = new Map(outputFiles.map(({ path, text }) => [path.split("/").at(-1), text]));
    const { promise: reported, resolve } = Promise.withResolvers<Record<string, unknown>>();

    const site = async (request: Request): Promise<Response> => {
      const { pathname } = new URL(request.url);
      if (pathname === "/api/fal/proxy") return proxy(request);
      if (pathname === "/report") {
        resolve((await request.json()) as Record<string, unknown>);
        return new Response();
      }
      const script = scripts.get(pathname.slice(1));
      if (script) return new Response(script, { headers: { "content-type": "text/javascript" } });
      const page =
        '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>';
      return new Response(page, { headers: { "content-type": "text/html", "set-cookie": "user=ann" } });
    };
    const server = createServer(getRequestListener(site));
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const browser = spawn(BROWSER ?? "", [...FLAGS, `--user-data-dir=${tempDir()}`, address], {
      stdio: "ignore",
    });
    closing.push(
      close,
      () => server.close(),
      () => server.closeAllConnections(),
      () => browser.kill("SIGKILL"),
    );

    const { ours, theirs, more, said } = await reported;
    const used = {
      text: "a fox",
      updates: expect.arrayContaining(["IN_PROGRESS", "COMPLETED"]),
      uploaded: "a fox",
      direct: { echo: { n: 1 } },
      pieces: PIECES,
      refused: 403,
    };
    expect({ ours, theirs }).toEqual({ ours: used, theirs: used });
    expect(more).toEqual({
      events: ["submitted", "queued", "running", "log", "completed"],
      cancelled: ["AbortError", "requested"],
    });
    expect(said).toEqual([]);
    await fal.close();
    const { rows } = await fal.costs({ by: ["tag:customer", "endpoint"] });
    expect(rows.map(({ key, calls }) => [key["tag:customer"], key["endpoint"], calls]).sort()).toEqual([
      ["ann", "acme/echo", 2],
      ["ann", "acme/slow", 4],
      ["ann", STREAMS, 2],
    ]);
  },
);
