// Bundles a page and a server with what people bundle with. A warning, or a word of a database, is a failure.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as esbuild from "esbuild";
import { build as vite } from "vite";
import webpack from "webpack";

export async function bundle() {
  await esbuild.build({
    ...{ entryPoints: ["worker.mjs"], outdir: "out", outExtension: { ".js": ".mjs" } },
    ...{ bundle: true, format: "esm", platform: "neutral", mainFields: ["module", "main"] },
    ...{ conditions: ["workerd", "worker", "browser"], logLevel: "silent" },
  });
  const told = [];
  for (const target of ["web", "node"]) told.push([`webpack, ${target}`, await webpacked(target)]);
  for (const ssr of [false, true]) told.push([`Vite, ${ssr ? "node" : "web"}`, await vited(ssr)]);
  for (const platform of ["browser", "node"]) told.push([`esbuild, ${platform}`, await esbuilt(platform)]);
  return told;
}

/** What is wrong with what lies there now. */
function databasesIn(folder) {
  const files = readdirSync(folder, { recursive: true }).filter((name) => /\.m?js$/.test(name));
  const texts = files.map((name) => readFileSync(join(folder, name), "utf8"));
  return texts.some((text) => text.includes("pg-connection-string")) ? ["pg is in it"] : [];
}

async function webpacked(target) {
  const path = join(import.meta.dirname, `out/webpack-${target}`);
  const output = { path, library: { type: "module" } };
  const settings = { mode: "production", target, entry: "./page.mjs", output, performance: { hints: false } };
  const stats = await new Promise((resolve, reject) => {
    webpack({ ...settings, experiments: { outputModule: true } }, (error, stats) =>
      error ? reject(error) : resolve(stats.toJson()),
    );
  });
  return [...stats.warnings, ...stats.errors].map(({ message }) => message).concat(databasesIn(path));
}

async function vited(ssr) {
  const said = [];
  const say = (message) => void said.push(message);
  const customLogger = { info() {}, warn: say, warnOnce: say, error: say, clearScreen() {} };
  const outDir = `out/vite-${ssr}`;
  const lib = { entry: "page.mjs", formats: ["es"] };
  await vite({
    ...{ configFile: false, customLogger: { ...customLogger, hasErrorLogged: () => false } },
    ...{ build: { outDir, ...(ssr ? { ssr: "page.mjs" } : { lib }) }, ssr: { noExternal: true } },
  });
  return said.concat(databasesIn(outDir));
}

async function esbuilt(platform) {
  const outdir = `out/esbuild-${platform}`;
  const { warnings } = await esbuild.build({
    ...{ entryPoints: ["page.mjs"], outdir, bundle: true, splitting: true, format: "esm" },
    ...{ platform, logLevel: "silent" },
  });
  return warnings.map(({ text }) => text).concat(databasesIn(outdir));
}
