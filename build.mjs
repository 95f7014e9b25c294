// Builds the package into dist: JavaScript in few files, so that a program starts soon; declarations; and the same entry
// points for `require`. The sources lie beside it, and each part of a file says which of them it was.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { basename, dirname, join, normalize, resolve } from "node:path";
import { rolldown } from "rolldown";

const DIST = "dist";
const CJS = `${DIST}/cjs`;

/**
 * What comes along: what loads with the client, since read in a hundred small files it took as long as all the rest, and what
 * cannot be required.
 */
const INLINED = /^(ky|p-retry|eventsource-parser|fast-png|d3-(scale|shape)|log-update|zod\/(mini|locales))$/;
/** Programs that others start by their name, beside the file that they are in. */
const PROGRAMS = ["emulator/outliving-process", "runners/preload", "runners/build-check-preload"];

/** Those that a program may have without the client: what they share with it is no part of its file. */
const OWN_PARTS = ["emulator/index", "schemas/index", "webhooks/index"];

const { exports, imports, bin } = JSON.parse(readFileSync("package.json", "utf8"));
const entries = Object.values(exports).filter((entry) => entry["fal-chain-source"]);

rmSync(DIST, { recursive: true, force: true });
const written = await bundle();
declare(
  DIST,
  entries.map(({ types }) => types),
);
// The same declarations in a folder of CommonJS, which a compiler takes for that of the program that asks for them.
declare(
  CJS,
  entries.map((entry) => entry.require.types),
  "--declarationMap",
  "false",
);
writeFileSync(`${CJS}/package.json`, '{ "type": "commonjs" }\n');
written.push(...(await bundleForRequire()));
const licenses = [...new Set(written.flatMap(packagesIn))].sort().map(licenseOf);
writeFileSync(`${DIST}/LICENSES.txt`, licenses.join("\n\n"));

/** All in one folder, so that a file is beside another wherever its code has come to be; what several use is there once. */
async function bundle() {
  const stores = imports["#open-store"];
  const { browser, default: anywhere } = stores["fal-chain-source"];
  const files = [
    ...entries.map((entry) => [entry.default, entry["fal-chain-source"]]),
    ...Object.values(bin).map((file) => [file, "src/cli/bin.ts"]),
    ...[
      [stores.browser, browser],
      [stores.default, anywhere],
    ],
    ...PROGRAMS.map((name) => [`${basename(name)}.js`, `src/${name}.ts`]),
  ];
  const parts = partsOf(OWN_PARTS.map((name) => resolve(`src/${name}.ts`)));
  const bundled = await rolldown({
    input: Object.fromEntries(files.map(([out, file]) => [basename(out, ".js"), normalize(file)])),
    platform: "neutral",
    resolve: { mainFields: ["module", "main"] },
    external: (id, importer) => !comesAlong(id, importer),
    plugins: [parts.plugin],
  });
  const { output } = await bundled.generate({
    chunkFileNames: "[name]-[hash].js",
    comments: { jsdoc: false },
    codeSplitting: { groups: parts.groups },
  });
  mkdirSync(DIST);
  for (const { fileName, code } of output) writeFileSync(`${DIST}/${fileName}`, asAscii(code));
  return output;
}

/**
 * The same once more, as CommonJS: for Jest, which cannot require a module. Node does not take it: it gives a program that
 * requires the package the modules that all others import, so that there is one of each.
 */
async function bundleForRequire() {
  const parts = partsOf(OWN_PARTS.map((name) => resolve(`src/${name}.ts`)));
  const inputs = entries.map((entry) => [
    basename(entry.default, ".js"),
    normalize(entry["fal-chain-source"]),
  ]);
  const stores = resolve(imports["#open-store"]["fal-chain-source"].default);
  const bundled = await rolldown({
    input: Object.fromEntries(inputs),
    platform: "node",
    resolve: { mainFields: ["module", "main"], alias: { "#open-store": stores } },
    external: (id, importer) => !comesAlong(id, importer) && id !== "#open-store",
    plugins: [parts.plugin],
  });
  const { output } = await bundled.write({
    ...{ dir: CJS, format: "cjs", entryFileNames: "[name].js", chunkFileNames: "[name]-[hash].js" },
    comments: false,
    // Names stay, of what errors are called by.
    minify: {
      compress: true,
      mangle: { toplevel: false, keepNames: true },
      codegen: { removeWhitespace: true },
    },
    codeSplitting: { groups: parts.groups },
  });
  return output;
}

/** Of plain characters alone, an import takes a tenth less. Others stand in texts and patterns only. */
function asAscii(code) {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function comesAlong(id, importer) {
  if (isBuiltin(id)) return false;
  return (
    importer === undefined || /^[./]|^\w:/.test(id) || INLINED.test(id) || importer.includes("node_modules")
  );
}

/**
 * Puts what the client loads at once into one file, but for what those load who come without it: that is another one.
 *
 * @param others The modules whose users need not have the client.
 */
function partsOf(others) {
  const client = new Set();
  const shared = new Set();
  const plugin = {
    name: "parts",
    buildEnd() {
      const reach = (id, found) => {
        if (found.has(id)) return;
        found.add(id);
        for (const imported of this.getModuleInfo(id)?.importedIds ?? []) reach(imported, found);
      };
      reach(resolve("src/index.ts"), client);
      for (const other of others) reach(other, shared);
    },
  };
  const groups = [
    { name: "shared", test: (id) => client.has(id) && shared.has(id) },
    { name: "client", test: (id) => client.has(id) && !shared.has(id) && id !== resolve("src/index.ts") },
  ];
  return { plugin, groups };
}

/** The folders of the packages that have come along in a file. */
function packagesIn({ moduleIds = [] }) {
  return moduleIds.flatMap((id) => /node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []);
}

function licenseOf(folder) {
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
  if (!file) throw new Error(`${folder} has no license that could be passed on`);
  return `${folder.replace("node_modules/", "")}\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
}

/** The declarations of the entry points, and no others. */
function declare(outDir, ofEntries, ...flags) {
  const argv = ["-p", "tsconfig.build.json", "--emitDeclarationOnly", "--outDir", outDir, ...flags];
  const { status } = spawnSync("tsc", argv, { stdio: "inherit", shell: process.platform === "win32" });
  if (status !== 0) process.exit(status ?? 1);
  const used = reachable(ofEntries.map(normalize));
  for (const file of readdirSync(outDir, { recursive: true }).map((path) => join(outDir, path))) {
    if (/\.d\.ts(\.map)?$/.test(file) && !used.has(file.replace(/\.map$/, ""))) rmSync(file);
  }
}

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
