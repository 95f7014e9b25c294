// Kills or stops processes that execute a chain, wherever chance says, and counts what the emulator was asked to do. Exits with 1
// when a run has submitted a step twice, or has ended without one.
//
//   npm run test:kill -- --rounds 200 --seed 1 --faults
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

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    store: { type: "string", default: "sqlite" },
    /** Lets processes stand still, and wakes them once others have gone on with their runs. */
    stop: { type: "boolean", default: false },
    faults: { type: "boolean", default: false },
    policy: { type: "string", default: "look-up" },
    /** Lets the account's history lag behind for longer than any look-up lasts. */
    lag: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds);
const SPEED = 50;
/** Runs that share a process, and so die together. */
const TOGETHER = 5;
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
  timeScale: 0.02,
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

const done: Round[] = [];
const started = Date.now();
let next = 0;
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (let plan = plans[next++]; plan; plan = plans[next++]) {
      done.push(
        await (values.stop ? standstill : round)({
          ...plan,
          env,
          emulator,
          speed: SPEED,
          store: postgres?.url ?? join(dir, "store.db"),
          ambiguousSubmit: values.policy as "look-up",
        }),
      );
    }
  }),
);
await close();
await postgres?.stop();
rmSync(dir, { recursive: true, force: true });

const say = (line: string) => process.stdout.write(`${line}\n`);
const outcomes = done.flatMap((round) => round.outcomes);
const count = (test: (outcome: Outcome) => boolean): number => outcomes.filter(test).length;
const seconds = Math.round((Date.now() - started) / 1000);
const kills = done.reduce((sum, round) => sum + round.kills, 0);
const bad = outcomes.filter(
  ({ state, twice, missing }) => state === "failed" || twice.length > 0 || missing.length > 0,
);
for (const outcome of bad.slice(0, 20)) say(JSON.stringify(outcome));
say(
  `${rounds} runs on ${values.store}, ${values.policy}${values.faults ? ", faults" : ""}${values.lag ? ", lagging history" : ""}: ` +
    `${kills} processes ${values.stop ? "stopped" : "killed"}, ${count(({ state }) => state === "done")} done, ` +
    `${count(({ state }) => state === "blocked")} blocked, ${count(({ state }) => state === "failed")} failed, ` +
    `${count(({ twice }) => twice.length > 0)} with a step submitted twice, ` +
    `${count(({ missing }) => missing.length > 0)} with one missing; ${seconds} s`,
);
process.exitCode = bad.length > 0 ? 1 : 0;
