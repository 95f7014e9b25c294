// Runs the packed package where people run it, all at once, against the emulator that FAL_HOST names.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { bundle } from "./bundlers.mjs";

const EXPECTED = JSON.stringify({ isFile: true, calls: 2, unknown: 0 });
const bin = (name) => `node_modules/.bin/${name}`;
const NODE_26 = "node_modules/node-26/bin/node";
const runtimes = [
  [`Node ${process.version}`, process.execPath],
  ["Node 26", NODE_26],
  ["Bun", bin("bun")],
  ["Deno", bin("deno"), "run", "-A"],
];

async function said(command, argv, env = {}) {
  const child = spawn(command, argv, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (more) => (text += more));
  await Promise.race([once(child, "close"), once(child, "error").then(([error]) => (text += error))]);
  return text;
}

const programs = runtimes.flatMap(([name, command, ...argv]) =>
  ["program.mjs", "program.cjs"].map(async (file) => {
    const text = await said(command, [...argv, file]);
    return [`${name}, ${file.endsWith("cjs") ? "require" : "import"}`, text.includes(EXPECTED) ? [] : [text]];
  }),
);

async function jest() {
  const text = await said(process.execPath, [bin("jest"), "--testMatch", "**/jest.test.cjs"]);
  return ["Jest, require", /Tests: +1 passed/.test(text) ? [] : [text]];
}

async function workerd() {
  const ports = ["plain", "compat"].map((name, n) => [name, 20_000 + (process.pid % 20_000) * 2 + n]);
  const sockets = ports.flatMap(([name, port]) => ["--socket-addr", `${name}=127.0.0.1:${port}`]);
  const child = spawn(bin("workerd"), ["serve", "workerd.capnp", ...sockets], { stdio: "inherit" });
  const asked = ports.map(async ([name, port]) => {
    const url = `http://127.0.0.1:${port}/?host=${encodeURIComponent(process.env.FAL_HOST)}`;
    const text = await patiently(() => fetch(url).then((answer) => answer.text()));
    return [
      `workerd, ${name === "plain" ? "without Node's modules" : "nodejs_compat"}`,
      text === EXPECTED ? [] : [text],
    ];
  });
  const told = await Promise.all(asked);
  child.kill();
  return told;
}

/** Until it listens. */
async function patiently(ask) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (attempt === 100) return String(error);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const bundled = await bundle();
const ran = await Promise.all([...programs, jest()]);
for (const [name, problems] of [...ran, ...(await workerd()), ...bundled]) {
  console.log(`${name}: ${problems.length === 0 ? "ok" : problems.join("\n")}`);
  if (problems.length > 0) process.exitCode = 1;
}
