import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { moduleText } from "../../src/schemas/module.ts";
import { ODD, odd, schemaWith } from "./documents.ts";

// Inside the package, so that it can import itself by name.
const root = join(import.meta.dirname, "../..");
mkdirSync(join(root, "out"), { recursive: true });
const folder = mkdtempSync(join(root, "out", "pulled-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** It uses what was pulled, of an endpoint that is built in too. */
const PROGRAM = `
import { fal, type FileInput } from "fal-chain";
import { acmeOdd } from "./fal-endpoints.ts";

const input = { prompt: "a fox", mode: "fast", seed: null, image_url: new Blob([]), video_urls: ["https://x.y/z"] as FileInput[] } as const;
const { data } = await fal.subscribe("acme/odd", { input });
data.images.push({ width: 1 }, null);
const size: number | undefined = (await fal.subscribe(acmeOdd, { input })).data["file-size"];
const larger: string = (await fal.subscribe("fal-ai/esrgan", { input: { scale: "much" } })).data.picture;
// @ts-expect-error no mode
fal.subscribe("acme/odd", { input: { prompt: "a fox" } });
// @ts-expect-error a mode that is none
fal.subscribe(acmeOdd, { input: { prompt: "a fox", mode: "faster" } });
// @ts-expect-error as it is no more
fal.subscribe("fal-ai/esrgan", { input: { scale: 2 } });
console.log(size, larger);
`;

test.each([true, false])(
  "what was pulled compiles under strict, and types calls (exact: %s)",
  async (isExact) => {
    const esrgan = schemaWith(
      { properties: { scale: { type: "string" } }, required: ["scale"] },
      { properties: { picture: { type: "string" } }, required: ["picture"] },
    );
    writeFileSync(
      join(folder, "fal-endpoints.ts"),
      moduleText(
        new Map([
          [ODD, odd],
          ["fal-ai/esrgan", esrgan],
        ]),
        "2026-11-27",
      ),
    );
    writeFileSync(join(folder, "program.ts"), PROGRAM);
    const compilerOptions = {
      exactOptionalPropertyTypes: isExact,
      noUnusedLocals: true,
    };
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ extends: "../../tsconfig.json", include: ["*.ts"], compilerOptions }),
    );
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const said = await promisify(execFile)(process.execPath, [tsc, "-p", folder]).catch((error) => error);
    expect(said.stdout).toBe("");
  },
);
