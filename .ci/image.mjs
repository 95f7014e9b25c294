// What an image would do, without Docker: in an empty directory it does what a project's Dockerfile says (WORKDIR, COPY without
// what .dockerignore leaves out, RUN, ENV), starts its CMD as a runner of the emulator, asks it, and ends it.
//
//   node .ci/image.mjs path/to/project

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseDockerfile } from "../src/shipping/dockerfile.ts";

const project = resolve(process.argv[2] ?? ".");
const image = mkdtempSync(join(tmpdir(), "fal-chain-image-"));
const variables = { PATH: process.env.PATH, HOME: image };
let directory = image;
let command;

const ignored = readFileSync(join(project, ".dockerignore"), "utf8").split("\n").filter(Boolean);
const isIgnored = (name) =>
  ignored.some((pattern) =>
    new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll("*", ".*")}$`).test(name),
  );

const steps = {
  FROM() {},
  EXPOSE() {},
  WORKDIR({ text }) {
    directory = join(image, text);
    mkdirSync(directory, { recursive: true });
  },
  ENV({ text }) {
    for (const [, name, value] of text.matchAll(/(\w+)=(\S+)/g)) variables[name] = value;
  },
  COPY({ text }) {
    const [to, ...from] = text.split(/\s+/).reverse();
    for (const name of from) {
      if (isIgnored(name)) throw new Error(`${name} is not uploaded`);
      cpSync(join(project, name), join(directory, to, name), { recursive: true });
    }
  },
  RUN({ text }) {
    // How the registry is reached is the machine's business, here as where images are built.
    const env = { ...process.env, ...variables, HOME: process.env.HOME };
    const { status } = spawnSync("sh", ["-c", text], { cwd: directory, env, stdio: "inherit" });
    if (status !== 0) throw new Error(`${text}: exit code ${status}`);
  },
  CMD({ list }) {
    command = list;
  },
};

try {
  for (const step of parseDockerfile(readFileSync(join(project, "Dockerfile"), "utf8")))
    steps[step.name](step);
  const require = createRequire(join(directory, "package.json"));
  const { emulatorEnv, serveEmulator } = require("fal-chain/emulator");
  const emulator = await serveEmulator({ timeScale: 0.05 });
  const child = spawn(command[0], command.slice(1), {
    cwd: directory,
    env: { ...variables, ...emulatorEnv(emulator.url), FAL_CHAIN_PORT: "0", FAL_CHAIN_METRICS_PORT: "0" },
    stdio: ["ignore", "inherit", "pipe"],
  });
  const exited = once(child, "exit");
  const port = await portOf(child);
  const health = await fetch(`http://127.0.0.1:${port}/health`);
  const body = JSON.stringify({ prompt: "a fox" });
  const reply = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body });
  console.log(`health ${health.status}, POST / ${reply.status}: ${(await reply.text()).slice(0, 100)}`);
  child.kill("SIGTERM");
  const [code] = await exited;
  console.log(`exit code ${code} after SIGTERM`);
  await emulator.close();
  if (health.status !== 200 || reply.status !== 200 || code !== 0) process.exitCode = 1;
} finally {
  rmSync(image, { recursive: true, force: true });
}

async function portOf({ stderr }) {
  for await (const line of createInterface({ input: stderr })) {
    console.log(line.slice(0, 200));
    const port = /"port":(\d+)/.exec(line)?.[1];
    if (port !== undefined) {
      stderr.resume();
      return port;
    }
  }
  throw new Error("it ended before it listened");
}
