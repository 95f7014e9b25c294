// Kills or stops processes that execute a chain, wherever chance says, and counts what the emulator was asked to do. Exits with 1
// when a run has submitted a step twice, or has ended without one.
//
//   npm run test:kill -- --rounds 200 --seed 1 --faults
//   npm run test:kill -- --steady 2000      kills each process after a second, so often in all, in real time
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { serveEmulator } from "fal-chain/emulator";
import * as z from "zod";
import { echo } from "../support/models.ts";
import { startPostgres } from "../support/postgres-server.ts";
import { ECHO, STRICT } from "./chain.ts";
import { type Outcome, type Round, round, standstill } from "./rounds.ts";
import { type SteadyOutcome, steady } from "./steady.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    store: { type: "string", default: "sqlite" },
    /** Lets processes stand still, and wakes them once others have gone on with their runs. */
    stop: { type: "boolean", default: false },
    faults: { type: "boolean", default: false },
    policy: { type: "string", default: "look-up" },
    /** Kills each process when its runs have gone on for a second, until so many are killed; every run ends in two minutes. */
    steady: { type: "string" },
    /** Runs that share a process, and so die together. @default 5, and 1 with --steady */
    together: { type: "string" },
    /** Processes at once. */
    lanes: { type: "string", default: String(availableParallelism()) },
    /** Lets the account's history lag behind for longer than any look-up lasts. */
    lag: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds);
const STEADY = values.steady === undefined ? undefined : Number(values.steady);
const SPEED = STEADY === undefined ? 50 : 1;
const LIFE_MS = 1_000;
const WITHIN_MS = 120_000;
const TOGETHER = Number(values.together ?? (STEADY === undefined ? 5 : 1));
/** A process without deaths has about so many moments. */
const MOMENTS = TOGETHER * 260;

/** A number from 0 up to 1 for each pair, the same each time: https://en.wikipedia.org/wiki/Linear_congruential_generator */
let state = Number(values.seed) >>> 0;
const random = (): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
};

const strict = { ...echo({ id: STRICT }), input: z.looseObject({ nobody_sends_this: z.string() }) };
const { url, emulator, close } = await serveEmulator({
  models: [echo({ id: ECHO, seconds: 1 }), strict],
  concurrency: 40,
  timeScale: STEADY === undefined ? 0.02 : 1,
  ...(values.lag && { history: { lagMs: 3_600_000 } }),
});
if (values.faults) {
  emulator.faults.random({
    seed: Number(values.seed),
    rates: {
      submit: { "lost-response": 0.03, "429": 0.05, "503": 0.03, "504; accepted=true; named=true": 0.02 },
      stream: { "stream-cut": 0.1, "503": 0.05 },
      status: { "503": 0.1 },
      result: { "503": 0.1, truncated: 0.05 },
    },
  });
}
const postgres = values.store === "postgres" ? await startPostgres() : undefined;
const dir = mkdtempSync(join(tmpdir(), "fal-chain-kill-"));
const env = { FAL_HOST: url, FAL_KEY: "any:key" };
const plans = Array.from({ length: Math.ceil(rounds / TOGETHER) }, (_, index) => ({
  runs: Array.from({ length: Math.min(TOGETHER, rounds - index * TOGETHER) }, (_, n) => `run-${index}-${n}`),
  deaths: Array.from({ length: 1 + Math.floor(random() * 2) }, () => Math.floor(random() * MOMENTS)),
}));

const common = {
  env,
  emulator,
  speed: SPEED,
  store: postgres?.url ?? join(dir, "store.db"),
  ambiguousSubmit: values.policy as "look-up",
};
const lanes = (work: () => Promise<void>) => Promise.all(Array.from({ length: Number(values.lanes) }, work));
const started = Date.now();
const seconds = () => Math.round((Date.now() - started) / 1000);
const say = (line: string) => process.stdout.write(`${line}\n`);
const conditions =
  `on ${values.store}, ${values.policy}${values.faults ? ", faults" : ""}` +
  `${values.lag ? ", lagging history" : ""}`;

/** Batches of runs, one after the other in each lane, until enough processes are killed; those that have begun are ended. */
async function killSteadily(enough: number): Promise<SteadyOutcome[]> {
  const ends: SteadyOutcome[] = [];
  let [kills, batch] = [0, 0];
  await lanes(async () => {
    while (kills < enough) {
      const nth = batch++;
      const runs = Array.from({ length: TOGETHER }, (_, n) => `run-${nth}-${n}`);
      ends.push(...(await steady({ ...common, runs, lifeMs: LIFE_MS }, () => void kills++)));
      const slowest = Math.max(...ends.map(({ tookMs }) => tookMs));
      say(
        `${seconds()} s: ${kills} killed, ${ends.length} runs ended, the slowest in ${Math.round(slowest / 1000)} s`,
      );
    }
  });
  const took = ends.map(({ tookMs }) => tookMs / 1000).sort((a, b) => a - b);
  const at = (part: number) =>
    (took[Math.min(took.length - 1, Math.floor(took.length * part))] ?? 0).toFixed(0);
  say(
    `${kills} processes killed ${conditions}, each ${LIFE_MS} ms after its runs went on: ${ends.length} runs, ` +
      `in ${at(0.5)} s (median), ${at(0.95)} s (95 %), ${at(1)} s (slowest); ` +
      `${ends.filter(({ settled }) => settled > 0).length} had to be settled; ${seconds()} s`,
  );
  return ends;
}

async function killAtRandom(): Promise<Outcome[]> {
  const done: Round[] = [];
  let next = 0;
  await lanes(async () => {
    for (let plan = plans[next++]; plan; plan = plans[next++]) {
      done.push(await (values.stop ? standstill : round)({ ...common, ...plan }));
    }
  });
  const kills = done.reduce((sum, round) => sum + round.kills, 0);
  const outcomes = done.flatMap((round) => round.outcomes);
  say(
    `${rounds} runs ${conditions}: ${kills} processes ${values.stop ? "stopped" : "killed"}, ` +
      `${outcomes.filter(({ state }) => state === "blocked").length} blocked; ${seconds()} s`,
  );
  return outcomes;
}

const outcomes = STEADY === undefined ? await killAtRandom() : await killSteadily(STEADY);
await close();
await postgres?.stop();
rmSync(dir, { recursive: true, force: true });

const count = (test: (outcome: Outcome) => boolean): number => outcomes.filter(test).length;
const isLate = (outcome: Outcome): boolean => "tookMs" in outcome && Number(outcome.tookMs) > WITHIN_MS;
const bad = outcomes.filter(
  (outcome) =>
    outcome.state === "failed" || outcome.twice.length > 0 || outcome.missing.length > 0 || isLate(outcome),
);
for (const outcome of bad.slice(0, 20)) say(JSON.stringify(outcome));
say(
  `${count(({ state }) => state === "done")} done, ${count(({ state }) => state === "failed")} failed, ` +
    `${count(({ twice }) => twice.length > 0)} with a step submitted twice, ` +
    `${count(({ missing }) => missing.length > 0)} with one missing` +
    (STEADY === undefined ? "" : `, ${count(isLate)} later than two minutes`),
);
process.exitCode = bad.length > 0 ? 1 : 0;
