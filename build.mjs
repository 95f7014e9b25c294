// Builds the package into dist: JavaScript and declarations, and the same entry points for `require`.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";

const DIST = "dist";
const CJS = `${DIST}/cjs`;

rmSync(DIST, { recursive: true, force: true });
tsc("-p", "tsconfig.build.json");
// The same declarations in a folder of CommonJS, which a compiler takes for that of the program that asks for them.
tsc("-p", "tsconfig.build.json", "--emitDeclarationOnly", "--declarationMap", "false", "--outDir", CJS);
writeFileSync(`${CJS}/package.json`, '{ "type": "commonjs" }\n');

const { exports } = JSON.parse(readFileSync("package.json", "utf8"));
const entries = Object.values(exports).flatMap(({ require: required }) => required ?? []);
keepOnly(reachable(entries.map(({ types }) => normalize(types))));
for (const entry of entries) passOn(entry.default);

/** The declarations that these import, and what those import. */
function reachable(files) {
  const found = new Set(files);
  for (const file of found) {
    for (const [, path] of readFileSync(file, "utf8").matchAll(/(?:from|import\() ?"(\.[^"]+)\.[jt]s"/g)) {
      found.add(join(dirname(file), `${path}.d.ts`));
    }
  }
  return found;
}

function keepOnly(files) {
  for (const file of readdirSync(CJS, { recursive: true }).map((path) => join(CJS, path))) {
    if (file.endsWith(".d.ts") && !files.has(file)) rmSync(file);
  }
}

/** Node gives a program that requires it the modules that all others import, so that there is one of each. */
function passOn(file) {
  const to = relative(dirname(file), file.replace(`/${CJS}/`, `/${DIST}/`));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `module.exports = require(${JSON.stringify(to)});\n`);
}

function tsc(...argv) {
  const { status } = spawnSync("tsc", argv, { stdio: "inherit", shell: process.platform === "win32" });
  if (status !== 0) process.exit(status ?? 1);
}
