import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript5";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXPORTS, JSON_TYPES, LOOSE, OTHER_ENTRIES } from "./programs.ts";

/** Programs that see the package as their compiler does: by its declarations. */

const root = join(import.meta.dirname, "../..");
const SECONDS = 1_000;
let folder = "";

const packageDir = () => join(folder, "node_modules/fal-chain");

beforeAll(async () => {
  mkdirSync(join(root, "out"), { recursive: true });
  folder = mkdtempSync(join(root, "out", "declared-"));
  mkdirSync(packageDir(), { recursive: true });
  copyFileSync(join(root, "package.json"), join(packageDir(), "package.json"));
  // A package of its own, so that the one around it is not what its programs import.
  writeFileSync(join(folder, "package.json"), '{ "name": "a-program", "type": "module" }');
  const emit = [
    "-p",
    join(root, "tsconfig.build.json"),
    "--emitDeclarationOnly",
    "--declarationMap",
    "false",
  ];
  for (const dist of ["dist", "dist/cjs"]) {
    expect(await compile("typescript", ...emit, "--outDir", join(packageDir(), dist))).toBe("");
  }
  writeFileSync(join(packageDir(), "dist/cjs/package.json"), '{ "type": "commonjs" }');
}, 120 * SECONDS);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function compile(compiler: string, ...argv: string[]): Promise<string> {
  const tsc = join(root, "node_modules", compiler, "lib/tsc.js");
  return new Promise((resolve) => {
    execFile(process.execPath, [tsc, "--pretty", "false", ...argv], (_, stdout) => resolve(stdout));
  });
}

const COMPILERS = ["typescript", "typescript5"];

/** What a compiler says of a program; of two, since they agree in most things only. @param name Of its file. */
async function complaints(
  file: string,
  program: string,
  settings: object,
  compilers = COMPILERS,
): Promise<string> {
  const [name, ending = "ts"] = file.split(".");
  const common = { target: "ES2023", module: "NodeNext", types: ["node"], skipLibCheck: true, rootDir: "." };
  const lib = ["ES2024", "DOM", "DOM.Iterable"];
  writeFileSync(join(folder, `${name}.${ending}`), program);
  const said: string[] = [];
  for (const compiler of compilers) {
    const compilerOptions = { ...common, lib, outDir: `out-${name}`, ...settings };
    const config = join(folder, `${name}.json`);
    writeFileSync(config, JSON.stringify({ compilerOptions, include: [`${name}.${ending}`] }));
    said.push(await compile(compiler, "-p", config));
  }
  return said.join("");
}

const DECLARES = { strict: true, declaration: true, emitDeclarationOnly: true };

test.each([
  ["strict", true],
  ["without strict", false],
])(
  "results have their types: %s",
  async (name, strict) => {
    expect(await complaints(`loose-${name.replace(" ", "-")}`, LOOSE, { strict, noEmit: true })).toBe("");
  },
  120 * SECONDS,
);

/** Written for the official client, which the type check of this project holds it against; its import is changed. */
function official(name: string): string {
  const text = readFileSync(join(import.meta.dirname, `official/${name}.ts`), "utf8");
  expect(text).toContain('from "@fal-ai/client"');
  return text.replaceAll('from "@fal-ai/client"', 'from "fal-chain"');
}

const strictest = { exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };
const STRICTEST = { strict: true, noEmit: true, ...strictest };

test.each(["program", "snippets"])(
  "what is written for the official client compiles once its import is changed: %s",
  async (name) => {
    expect(await complaints(`official-${name}`, official(name), STRICTEST)).toBe("");
  },
  120 * SECONDS,
);

test(
  "and so it does as CommonJS, and for compilers of the years before packages had exports",
  async () => {
    const program = official("program");
    expect(await complaints("official-cjs.cts", program, { ...STRICTEST, module: "Node16" })).toBe("");
    const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const entries = Object.keys(exports).filter((entry) => entry !== "./package.json");
    const imports = entries.map((entry, n) => `export * as e${n} from "fal-chain${entry.slice(1)}";\n`);
    const old = { ...STRICTEST, module: "CommonJS", moduleResolution: "node10" };
    expect(await complaints("official-old", program + imports.join(""), old, ["typescript5"])).toBe("");
  },
  120 * SECONDS,
);

test(
  "types that hold themselves go through a chain, and are themselves in what it declares",
  async () => {
    expect(await complaints("json", JSON_TYPES, DECLARES)).toBe("");
    const declared = readFileSync(join(folder, "out-json/json.d.ts"), "utf8");
    expect(declared).toContain("export declare const plain: Chain<Json, Json>;");
    expect(declared).toContain("export declare const value: Chain<JsonValue, JsonValue>;");
  },
  120 * SECONDS,
);

test(
  "whatever a program exports can be named in its declarations",
  async () => {
    expect(await complaints("exports", EXPORTS, DECLARES)).toBe("");
    expect(await complaints("entries", OTHER_ENTRIES, DECLARES)).toBe("");
  },
  240 * SECONDS,
);

test(
  "every type that an entry point speaks of is exported by one",
  () => {
    const { exports } = JSON.parse(readFileSync(join(packageDir(), "package.json"), "utf8"));
    const types = Object.values(exports as Record<string, { types?: string }>).map((entry) => entry.types);
    const entries = types.filter((file) => file !== undefined).map((file) => join(packageDir(), file));
    expect(unnamed(entries, join(packageDir(), "dist"))).toEqual([]);
  },
  120 * SECONDS,
);

/** The types in the declarations of these files that none of them exports. */
function unnamed(entries: readonly string[], dist: string): string[] {
  const program = ts.createProgram(entries, {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    skipLibCheck: true,
    strict: true,
  });
  const checker = program.getTypeChecker();
  const resolved = (symbol: ts.Symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const ours = (symbol: ts.Symbol) =>
    (symbol.declarations ?? []).filter((node) => node.getSourceFile().fileName.startsWith(dist));
  const exported = entries.flatMap((file) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(file) as ts.SourceFile);
    return checker.getExportsOfModule(module as ts.Symbol).map(resolved);
  });
  const found = new Set(exported);
  const visit = (node: ts.Node) => {
    const name = ts.isTypeReferenceNode(node)
      ? node.typeName
      : ts.isExpressionWithTypeArguments(node)
        ? node.expression
        : undefined;
    const symbol = name && checker.getSymbolAtLocation(name);
    if (symbol && !NOT_FOR_PROGRAMS.has(symbol.name)) found.add(resolved(symbol));
    ts.forEachChild(node, visit);
  };
  // A set is walked to what is added to it meanwhile.
  for (const symbol of found) for (const declaration of ours(symbol)) visit(declaration);
  const names = [...found].filter((symbol) => !exported.includes(symbol) && ours(symbol).some(isNamed));
  return names.map(({ name }) => name);
}

/** What the command's own emulator hands from one life to the next. */
const NOT_FOR_PROGRAMS = new Set(["Past"]);

/** A parameter is none, and what its own module keeps to itself is spelt out. */
const isNamed = (node: ts.Declaration): boolean =>
  ts.isInterfaceDeclaration(node) ||
  ts.isClassDeclaration(node) ||
  (ts.isTypeAliasDeclaration(node) &&
    (node.modifiers ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword));
