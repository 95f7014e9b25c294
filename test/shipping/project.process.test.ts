import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { checkImport } from "../../src/shipping/build.ts";
import { checkProject } from "../../src/shipping/check.ts";
import { initProject } from "../../src/shipping/init.ts";
import { root } from "../support/pages.ts";
import { tempDir } from "../support/temp.ts";

/** A new project, with what `npm install` would bring. */
function project(store: "memory" | "postgres" = "memory") {
  const directory = join(tempDir(), "ads");
  const made = initProject(directory, { store });
  mkdirSync(join(directory, "node_modules", "@types"), { recursive: true });
  symlinkSync(root, join(directory, "node_modules", "fal-chain"));
  for (const name of ["zod", "typescript", "@types/node"]) {
    symlinkSync(join(root, "node_modules", name), join(directory, "node_modules", name));
  }
  writeFileSync(join(directory, "package-lock.json"), "{}");
  const change = (file: string, before: string, after: string) => {
    const text = readFileSync(join(directory, file), "utf8");
    expect(text).toContain(before);
    writeFileSync(join(directory, file), text.replace(before, after));
  };
  // The package is not built here, so it has no types: the gate checks those of a project on the packed one.
  change("tsconfig.json", '"*.ts"', '"typed.ts"');
  writeFileSync(join(directory, "typed.ts"), "export const one: number = 1;\n");
  return { directory, made, change };
}

/** As a project would run it that has the sources in the package's place. */
const FROM_SOURCE = ["--conditions=fal-chain-source"];

describe.each(["memory", "postgres"] as const)("a new project that keeps calls in %s", (store) => {
  test("passes its own test", () => {
    const { directory } = project(store);
    const output = execFileSync(process.execPath, [...FROM_SOURCE, "--test"], {
      cwd: directory,
      encoding: "utf8",
      env: { PATH: process.env["PATH"], HOME: directory },
    });
    expect(output).toMatch(/^# pass 2$|pass 2/m);
    expect(output).toMatch(/fail 0/);
  });

  test("has nothing that fal would refuse", async () => {
    withConditions();
    expect((await checkProject(project(store).directory)).findings).toEqual([]);
  });
});

/** What is started from here reads the sources too. */
function withConditions(): void {
  const before = process.execArgv;
  process.execArgv = [...before, ...FROM_SOURCE];
  onTestFinished(() => {
    process.execArgv = before;
  });
}

test.each([
  ["typed.ts", "= 1", '= "1"', "The types do not fit:\ntyped.ts(1,14): error TS2322"],
  ["app.ts", "const app =", 'if (!process.env["FAL_KEY"]) throw new Error("no key");\nconst app =', "no key"],
])("in %s %j as %j is told", async (file, before, after, said) => {
  withConditions();
  const { directory, change } = project();
  change(file, before, after);
  const { findings } = await checkProject(directory);
  expect(findings).toEqual([
    expect.objectContaining({ level: "error", text: expect.stringContaining(said) }),
  ]);
});

test("a program that opens a port when it is imported is told so", async () => {
  withConditions();
  const { directory, change } = project();
  change(
    "app.ts",
    "if (isMain(import.meta)) await app.serve(",
    "await app.serve({ port: 0, metricsPort: false }); (",
  );
  const [found] = await checkImport(directory, "app.ts", 4_000);
  expect(found?.text).toContain("does not end: it opens something");
});

test("what is there is left as it is", () => {
  const { directory, change } = project();
  change("app.ts", '"ads"', '"mine"');
  const again = initProject(directory, { name: "other" });
  expect(again.written).toEqual([]);
  expect(readFileSync(join(directory, "app.ts"), "utf8")).toContain('"mine"');
  expect(() => initProject(directory, { name: "My App" })).toThrow("cannot be an app's name");
});
