// Two workers, one of which is killed in mid-run. The other one finishes its posters, and nothing is paid for twice.
//
//   DATABASE_URL=postgres://user:password@host/database node examples/03-workers.ts
//
// Outside the repository it needs `npm install pg pg-boss` too.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createFal, formatUsd } from "fal-chain";
import { emulatorUnlessKey } from "fal-chain/emulator";
import { postgresStore } from "fal-chain/postgres";
import { createQueue, startWorker } from "fal-chain/worker";
import { database } from "./03-workers/database.ts";
import { posterOf } from "./chains/poster.ts";

/** The same code in every process: where it runs is not its business. */
function client(url: string, env = process.env as Readonly<Record<string, string | undefined>>) {
  const store = postgresStore(url, { schema: "fal_chain_example" });
  const fal = createFal({ env, store });
  const poster = posterOf(fal);
  const close = async () => {
    await fal.close();
    await store.close();
  };
  return { fal, poster, close };
}

if (process.argv[2] === "--worker") await work(process.env["DATABASE_URL"] ?? "");
else await main();

async function work(url: string): Promise<void> {
  const { fal, poster, close } = client(url);
  const worker = await startWorker({
    fal,
    url,
    chains: [poster],
    concurrency: 2,
    onEvent: (event) => console.log("id" in event ? `${event.type} ${event.id}` : event.error),
  });
  // What a host sends before it stops a machine: the runs go to the other workers at once.
  process.once("SIGTERM", async () => {
    await worker.stop();
    await close();
  });
}

async function main(): Promise<void> {
  const db = await database();
  if (!db) {
    console.log("This example needs PostgreSQL: set DATABASE_URL to postgres://user:password@host/database.");
    return;
  }
  const { env, emulator, close: closeEmulator } = await emulatorUnlessKey();
  if (emulator) console.log(`No FAL_KEY: the built-in emulator stands in for fal (${emulator.url}).`);
  const { fal, poster, close } = client(db.url, env);
  const queue = createQueue({ fal, url: db.url });

  const prompts = ["a lighthouse at dawn", "a fox in the snow", "a cherry tree", "an oak on a hill"];
  const order = crypto.randomUUID().slice(0, 8);
  const ids = prompts.map((_, n) => `${order}-${n + 1}`);
  for (const [n, id] of ids.entries()) {
    const input = { prompt: prompts[n] ?? "", image_size: "square" } as const;
    await queue.enqueue(poster, input, { id, tags: { customer: "acme" } });
  }
  console.log(`Enqueued ${ids.join(", ")}`);

  const [one, two] = ["one", "two"].map((name) => start(name, db.url, env));
  let unfinished = ids;
  let isKilled = false;
  while (unfinished.length > 0) {
    await setTimeout(100);
    const submitted = isKilled ? [] : await fal.calls.list({ state: "submitted" });
    if (submitted.some(({ for: { run } }) => run && one?.taken.has(run))) {
      console.log("one: killed, while a call of it was under way at fal");
      one?.child.kill("SIGKILL");
      isKilled = true;
    }
    const runs = await Promise.all(ids.map((id) => fal.runs.get("poster", id)));
    unfinished = runs.flatMap((run) => (run && run.endedAt === undefined ? [run.id] : []));
  }

  for (const id of ids) {
    const run = await fal.runs.get("poster", id);
    console.log(
      `${id}: ${run?.state}, after ${run?.executions} execution${run?.executions === 1 ? "" : "s"}`,
    );
  }
  const calls = (await fal.calls.list({ chain: "poster" })).filter(
    ({ for: { run } }) => run && ids.includes(run),
  );
  const spent = calls.reduce((sum, { cost }) => sum + (cost && "nanoUsd" in cost ? cost.nanoUsd : 0), 0);
  console.log(`${calls.length} calls, ${formatUsd(spent)}`);
  if (emulator) {
    const submits = emulator.emulator.jobs.length;
    console.log(
      `${submits} submits arrived at the emulator: ${submits === 3 * ids.length ? "none twice" : "NOT AS MANY AS CALLS"}`,
    );
    if (submits !== 3 * ids.length) process.exitCode = 1;
  }

  two?.child.kill("SIGTERM");
  await Promise.all([one?.ended, two?.ended]);
  await queue.close();
  await close();
  await closeEmulator();
  await db.stop();
}

/** A worker in a process of its own. What it says is shown under its name. */
function start(name: string, url: string, env: Readonly<Record<string, string | undefined>>) {
  const args = [...process.execArgv, fileURLToPath(import.meta.url), "--worker"];
  const child = spawn(process.execPath, args, {
    env: { ...env, DATABASE_URL: url },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const taken = new Set<string>();
  createInterface(child.stdout).on("line", (line) => {
    console.log(`${name}: ${line}`);
    if (line.startsWith("taken ")) taken.add(line.slice("taken ".length));
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  return { child, taken, ended };
}
