// Builds and serves a site with the packed package in Next 14 and 16: a page with a hook, and routes of Node and of the edge
// that make a call, run a chain, and have the key for a page. `npm run test:next`; too long for the gate.
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const here = import.meta.dirname;
const EXPECTED = JSON.stringify({ isFile: true, calls: 2, unknown: 0 });
const VERSIONS = [
  ["14", "18"],
  ["16", "19"],
];
const [tarball] = process.argv.slice(2);
const work = mkdtempSync(join(tmpdir(), "fal-chain-next-"));
const env = { ...process.env, NO_COLOR: "1", NEXT_TELEMETRY_DISABLED: "1" };

try {
  for (const [n, [next, react]] of VERSIONS.entries()) {
    const startedAt = performance.now();
    const problems = await tried(
      join(work, next),
      [`next@${next}`, `react@${react}`, `react-dom@${react}`],
      n,
    );
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    console.log(`Next ${next}, ${seconds} s: ${problems.length === 0 ? "ok" : problems.join("\n")}`);
    if (problems.length > 0) process.exitCode = 1;
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}

async function tried(cwd, packages, n) {
  cpSync(join(here, "site"), cwd, { recursive: true, dereference: true });
  writeFileSync(join(cwd, "package.json"), '{ "name": "site", "private": true }');
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  execFileSync("npm", ["install", ...quiet, tarball, ...packages], { cwd, env, stdio: "inherit" });
  const program = join(cwd, "node_modules/next/dist/bin/next");
  const built = spawn(process.execPath, [program, "build"], { cwd, env });
  const said = await textOf(built);
  if (built.exitCode !== 0) return [said];
  // What Next says of its own edge is none of ours.
  const warnings = said
    .split("\n")
    .filter((line) => /warn|⚠|fal-chain\//i.test(line) && !/edge runtime/i.test(line));
  return [...warnings, ...(await served(cwd, program, 20_000 + (process.pid % 20_000) * 2 + n))];
}

async function served(cwd, program, port) {
  const start = [program, "start", "--hostname", "127.0.0.1", "--port", `${port}`];
  const server = spawn(process.execPath, start, { cwd, env });
  const said = textOf(server);
  const site = `http://127.0.0.1:${port}`;
  try {
    const problems = [];
    for (const path of ["/api/node", "/api/edge"]) {
      const text = await patiently(() => fetch(site + path).then((answer) => answer.text()));
      if (text !== EXPECTED) problems.push(`${path}: ${text.slice(0, 2_000)}`);
    }
    for (const path of ["/api/fal/proxy", "/api/edge"]) {
      const text = await throughProxy(cwd, site + path).catch(String);
      if (text !== "a picture") problems.push(`a proxy at ${path}: ${text}`);
    }
    const page = await fetch(site).then((answer) => answer.text());
    if (!page.includes(">idle</button>")) problems.push(`the page: ${page.slice(0, 2_000)}`);
    return problems;
  } finally {
    server.kill();
    const text = await said;
    if (/error/i.test(text)) console.log(text);
  }
}

/** As a page would, by its own client. */
async function throughProxy(cwd, url) {
  const { createFal } = await import(join(cwd, "node_modules/fal-chain/dist/index.js"));
  const fal = createFal({ proxyUrl: { url, when: "always" }, env: {} });
  const input = { prompt: "a fox", image_size: { width: 64, height: 64 } };
  const { data } = await fal.subscribe("fal-ai/flux/schnell", { input, mode: "polling", pollInterval: 100 });
  return data.images[0].url.includes("/files/") ? "a picture" : "none";
}

function textOf(child) {
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (more) => (text += more));
  return new Promise((resolve) => child.once("close", () => resolve(text)));
}

/** Until it listens. */
async function patiently(ask) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (attempt === 200) return String(error);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
