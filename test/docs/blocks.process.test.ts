import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { App } from "fal-chain/app";
import { afterAll, expect, test, vi } from "vitest";
import { blocksOf, root } from "../support/pages.ts";
import { tempDir } from "../support/temp.ts";
import { setStage } from "./stage.ts";

const blocks = blocksOf("ts").map((block) => ({ ...block, name: block.at.replace(/\W+/g, "-") }));

// Inside the package, so that they can import it by name.
mkdirSync(join(root, "out"), { recursive: true });
const folder = mkdtempSync(join(root, "out", "blocks-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("every TypeScript block of the pages compiles", { timeout: 60_000 }, async () => {
  expect(blocks.length).toBeGreaterThan(30);
  const as = join(folder, "as-written");
  mkdirSync(as);
  for (const { name, code } of blocks) writeFileSync(join(as, `${name}.ts`), code);
  // As most programs are compiled: `strict`, and nothing beyond.
  const compilerOptions = { noUncheckedIndexedAccess: false, exactOptionalPropertyTypes: false };
  const config = { extends: "../../../tsconfig.json", include: ["*.ts"], compilerOptions };
  writeFileSync(join(as, "tsconfig.json"), JSON.stringify(config));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const said = await promisify(execFile)(process.execPath, [tsc, "-p", as]).catch((error) => error);
  expect(said.stdout).toBe("");
});

const request = () =>
  new Request("https://app.example.com/fal", {
    method: "POST",
    headers: { "x-fal-request-id": "req-1" },
    body: JSON.stringify({ prompt: "a fox" }),
  });

/** Once it is read to its end: a stream that breaks has none. */
async function statusOf(answer: Response): Promise<number> {
  await answer.text();
  return answer.status;
}

test.each(blocks)("the block at $at runs", { timeout: 30_000 }, async ({ name, code }) => {
  vi.spyOn(console, "log").mockImplementation(() => {});
  const before = process.listeners("SIGTERM");
  const stage = await setStage(tempDir(), code.includes("postgres://"));
  const file = join(folder, `${name}.ts`);
  const stageFile = JSON.stringify(join(import.meta.dirname, "stage.ts"));
  writeFileSync(file, code.replace(/from "fal-chain(\/\w+)?"/g, `from ${stageFile}`));
  try {
    const given = (await import(/* @vite-ignore */ file)) as {
      POST?: (request: Request) => Promise<Response>;
      GET?: (request: Request) => Promise<Response>;
      default?: Pick<App, "fetch" | "paths">;
    };
    const answer = (await given.POST?.(request())) ?? (await given.GET?.(new Request(request().url)));
    for (const path of given.default?.paths ?? []) {
      const app = given.default as Pick<App, "fetch">;
      expect(await statusOf(await app.fetch(new Request(`http://app.test${path}`, request())))).toBe(200);
    }
    expect([undefined, 200, 400, 401, 403, 404]).toContain(answer?.status);
    const stops = process.listeners("SIGTERM").filter((listener) => !before.includes(listener));
    if (stops.length > 0) await vi.waitFor(() => expect(stage.emulator.jobs.length).toBe(1), 20_000);
    for (const stop of stops) {
      process.off("SIGTERM", stop);
      await (stop as () => unknown)();
    }
  } finally {
    await stage.close();
    vi.restoreAllMocks();
  }
});
