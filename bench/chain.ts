// What the journal costs: the same ten calls in sequence by a bare fetch, the official client, and fal-chain on each
// store. All of it is in one process, against an emulator that takes no time, so the CPU that is left is the client's.
//
//   npm run bench:chain
//   DATABASE_URL=postgres://… npm run bench:chain     with PostgreSQL as well
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFal, memoryStore, type Store } from "fal-chain";
import { postgresStore } from "fal-chain/postgres";
import { sqliteStore } from "fal-chain/sqlite";
import { bareFetch, ENDPOINT, emulator, fetch, KEY, type OneCall, official, stopwatch } from "./arms.ts";
import { median, table } from "./report.ts";

const ROUNDS = Number(process.env["ROUNDS"] ?? 15);
const RUNS = 10;
const STEPS = 10;

/** One run: so many calls, each of which needs the one before. */
type Arm = (run: string) => Promise<unknown>;

const inSequence =
  (call: OneCall): Arm =>
  async () => {
    for (let n = 0; n < STEPS; n++) await call(n);
  };

function chained(store: Store): Arm {
  const fal = createFal({ env: { FAL_KEY: KEY }, fetch, store });
  const chain = fal.chain("bench", async () => {
    for (let n = 0; n < STEPS; n++) await fal.subscribe(ENDPOINT, { input: { n } });
  });
  return async (id) => {
    const run = chain.start(undefined, { id });
    await run;
    await run.total;
  };
}

const dir = mkdtempSync(join(tmpdir(), "fal-chain-bench-"));
const url = process.env["DATABASE_URL"];
const schema = `bench_${crypto.randomUUID().slice(0, 8)}`;
const stores = {
  memory: memoryStore(),
  SQLite: sqliteStore(join(dir, "store.db")),
  ...(url && { PostgreSQL: postgresStore(url, { schema }) }),
};
const arms: Record<string, Arm> = {
  "bare fetch": inSequence(bareFetch),
  "@fal-ai/client": inSequence(official),
};
for (const [name, store] of Object.entries(stores)) arms[`a chain, ${name}`] = chained(store);

const seen = new Map(Object.keys(arms).map((name) => [name, { cpu: [] as number[], rate: [] as number[] }]));
for (let round = -2; round < ROUNDS; round++) {
  for (const [name, arm] of Object.entries(arms)) {
    const used = stopwatch();
    for (let run = 0; run < RUNS; run++) await arm(`${round}-${run}`);
    const { cpuMs, ms } = used();
    // The first rounds warm up.
    if (round < 0) continue;
    seen.get(name)?.cpu.push(cpuMs / (RUNS * STEPS));
    seen.get(name)?.rate.push((RUNS * STEPS * 1_000) / ms);
  }
}

const bareCpu = median(seen.get("bare fetch")?.cpu ?? []);
table(
  ["", "CPU ms a step", "more than bare", "steps a second"],
  [...seen].map(([name, { cpu, rate }]) => [
    name,
    median(cpu).toFixed(2),
    (median(cpu) - bareCpu).toFixed(2),
    median(rate).toFixed(0),
  ]),
);
for (const store of Object.values(stores)) await store.close();
await emulator.close();
rmSync(dir, { recursive: true, force: true });
