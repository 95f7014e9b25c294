// Runs the chain of chains/poster.ts, with live status, files and the bill.
//
//   npm start -- "a fox in a snowy forest"
//   npm start -- --customer acme    puts the customer on each call: fal-chain costs --by tag:customer
//   npm start -- --resume    goes on with the last one that was interrupted, and pays for nothing again

import { parseArgs } from "node:util";
import { createFal } from "fal-chain";
import { outlivingEmulatorUnlessKey } from "fal-chain/emulator";
import { download, runProgram, showRun } from "fal-chain/terminal";
import { posterOf } from "./chains/poster.ts";

// Both outlive this program: the store has what was paid for, and the emulator, where it stands in, what it was asked for.
const { env, emulator, close } = await outlivingEmulatorUnlessKey({ directory: ".fal-chain" });
const fal = createFal({ env: { FAL_CHAIN_STORE: "sqlite:.fal-chain/store.db", ...env } });
const poster = posterOf(fal);

// Ctrl-C aborts the signal, and with it what is still running at fal.
process.exitCode = await runProgram(async (abortSignal) => {
  const options = { resume: { type: "boolean" }, customer: { type: "string" } } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const { customer } = values;
  if (emulator) console.log(`No FAL_KEY: the built-in emulator stands in for fal (${emulator.url}).`);

  const id = values.resume ? await lastInterrupted() : crypto.randomUUID().slice(0, 8);
  const prompt = positionals.join(" ").trim() || "a lighthouse at dawn";
  console.log(values.resume ? `Going on with poster/${id}` : `Poster: ${prompt} (poster/${id})`);
  console.log(`Try it: kill -9 ${process.pid}, then npm start -- --resume\n`);

  const run = values.resume
    ? poster.resume(id, { abortSignal })
    : poster.start({ prompt }, { id, abortSignal, ...(customer !== undefined && { tags: { customer } }) });
  const files = await showRun(run, { received: () => emulator?.jobs() });
  const saved = await download(files, "out", {
    signal: abortSignal,
    origins: fal.environment.origins.trusted,
  });
  console.log(`\nSaved ${saved.join(", ")}`);
});

async function lastInterrupted(): Promise<string> {
  const runs = await fal.runs.list({ chain: "poster" });
  const last = runs.find(({ state }) => state === "interrupted" || state === "blocked");
  if (!last) throw new Error("No poster was interrupted. Start one: npm start");
  if (emulator && !emulator.survived) {
    throw new Error(
      `The emulator that had poster/${last.id} is gone, since nobody asked it for ten minutes.`,
    );
  }
  return last.id;
}

// Whoever waits for the emulator finds it there; it ends by itself.
const runs = await fal.runs.list({ chain: "poster" }).catch(() => []);
const isWantedStill = runs.some(({ state }) => ["running", "interrupted", "blocked"].includes(state));
await fal.close();
if (!isWantedStill) await close();
