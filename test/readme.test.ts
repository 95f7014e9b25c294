import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");

test("every TypeScript block of the README compiles", () => {
  const blocks = [...readFileSync(join(root, "README.md"), "utf8").matchAll(/^```ts\n(.*?)^```$/gms)].map(
    ([, code]) => code ?? "",
  );
  expect(blocks.length).toBeGreaterThan(5);

  // Inside the package, so that it can import itself by name.
  mkdirSync(join(root, "out"), { recursive: true });
  const folder = mkdtempSync(join(root, "out", "readme-"));
  try {
    for (const [index, code] of blocks.entries()) writeFileSync(join(folder, `block-${index + 1}.ts`), code);
    const config = { extends: "../../tsconfig.json", include: ["*.ts"] };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder], {
      encoding: "utf8",
    });
  } catch (error) {
    expect.fail(String((error as { stdout?: unknown }).stdout ?? error));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
