// What the ledger costs. First, calls in sequence by a bare fetch, the official client, and fal-chain with its ledger in
// memory and in SQLite: all in one process, against an emulator that takes no time, the arms taking turns. Then a ledger
// of 100,000 calls in a file: what it takes to note one call there, and to report on all of them.
//
//   npm run bench:ledger
//   CALLS=10000 npm run bench:ledger       a smaller ledger
//   DIRECTORY=/data npm run bench:ledger   where the files lie. Default: the system's temporary directory
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type CostKey, createFal, type Store } from "fal-chain";
import { sqliteStore } from "fal-chain/sqlite";
import { bareFetch, ENDPOINT, emulator, fetch, KEY, type OneCall, official, stopwatch } from "./arms.ts";
import { median, table } from "./report.ts";

const ROUNDS = Number(process.env["ROUNDS"] ?? 15);
const CALLS_A_ROUND = 100;
const CALLS = Number(process.env["CALLS"] ?? 100_000);

const dir = mkdtempSync(join(process.env["DIRECTORY"] ?? tmpdir(), "fal-chain-bench-"));
const file = sqliteStore(join(dir, "calls.db"));

function noting(store?: Store): OneCall {
  const fal = createFal({ env: { FAL_KEY: KEY, FAL_JOB_ID: "job-7" }, fetch, ...(store && { store }) });
  return (n) => fal.subscribe(ENDPOINT, { input: { n }, tags: { customer: "acme" } });
}

const arms: Record<string, OneCall> = {
  "bare fetch": bareFetch,
  "@fal-ai/client": official,
  "fal-chain, memory": noting(),
  "fal-chain, SQLite": noting(file),
};
const seen = new Map<string, number[]>(Object.keys(arms).map((name) => [name, []]));
for (let round = -2; round < ROUNDS; round++) {
  for (const [name, call] of Object.entries(arms)) {
    const used = stopwatch();
    for (let n = 0; n < CALLS_A_ROUND; n++) await call(n);
    // The first rounds warm up.
    if (round >= 0) seen.get(name)?.push(used().cpuMs / CALLS_A_ROUND);
  }
}
const cpuOf = (name: string) => median(seen.get(name) ?? []);
const ms = (value: number) => value.toFixed(2);
table(
  ["", "CPU ms a call", "more than bare"],
  Object.keys(arms).map((name) => [name, ms(cpuOf(name)), ms(cpuOf(name) - cpuOf("bare fetch"))]),
);
await file.close();

const path = join(dir, "ledger.db");
const ledger = sqliteStore(path);
const begun = Date.UTC(2026, 0, 1);
const calls = Array.from({ length: CALLS }, (_, n) => callNumber(n));
const inserting = await timed(({ intent }) => ledger.calls.intend(intent));
const submitting = await timed(({ intent, ticket }) => ledger.calls.submitted(intent.id, ticket, intent.at));
const completing = await timed(({ intent, completion }) =>
  ledger.calls.completed(intent.id, completion, intent.at + 2_300),
);
const bare = floor(join(dir, "floor.db"), Math.min(CALLS, 5_000));

const fal = createFal({ store: ledger });
const groupings: CostKey[][] = [
  ["endpoint"],
  ["chain"],
  ["day", "tag:customer"],
  ["tag:customer", "job_id"],
  ["run"],
];
const reports: string[][] = [];
for (const by of groupings) {
  const times: number[] = [];
  let rows = 0;
  for (let n = 0; n < 5; n++) {
    const reading = stopwatch();
    rows = (await fal.costs({ by })).rows.length;
    times.push(reading().ms / 1_000);
  }
  reports.push([`a report by ${by.join(", ")}`, `${median(times).toFixed(2)} s`, `${rows} rows`]);
}
table(
  [`${CALLS} calls in SQLite`, "", ""],
  [
    ["CPU to insert one: its intent", `${ms(inserting)} ms`, ""],
    ["CPU to note its request id", `${ms(submitting)} ms`, ""],
    ["CPU to note its result and cost", `${ms(completing)} ms`, ""],
    ["CPU of three bare transactions", `${ms(bare)} ms`, ""],
    ["the file", `${(statSync(path).size / 2 ** 20).toFixed(0)} MiB`, ""],
    ...reports,
  ],
);
await ledger.close();
await emulator.close();
rmSync(dir, { recursive: true, force: true });

/** In milliseconds of CPU a call. */
async function timed(note: (call: ReturnType<typeof callNumber>) => Promise<void>): Promise<number> {
  const used = stopwatch();
  for (const call of calls) await note(call);
  return used().cpuMs / CALLS;
}

/** A call as the client notes it: one of 20 customers, 10 runners and 5,000 runs, over 90 days. */
function callNumber(n: number) {
  const id = crypto.randomUUID();
  const requestId = crypto.randomUUID();
  const at = begun + Math.floor((n / CALLS) * 90 * 86_400_000);
  const userTags = { customer: `customer-${n % 20}` };
  const tags = { job_id: `job-${n % 10}`, chain: "poster", run: `order-${n % 5_000}`, ...userTags };
  const intent = {
    ...{ id, endpoint: ENDPOINT, key: `/ ${ENDPOINT} ${id}#1`, at },
    queue: "https://queue.fal.run",
    body: JSON.stringify({ prompt: "a lighthouse at dawn, oil on canvas", seed: n }),
    for: {
      ...{ chain: tags.chain, run: tags.run, rootRun: `${tags.chain}/${tags.run}`, rootJob: tags.job_id },
      ...{
        jobId: tags.job_id,
        app: "acme/studio",
        request: undefined,
        caller: undefined,
        claimedRoot: undefined,
        keyId: "key-1",
        account: undefined,
        markup: undefined,
      },
      ...{ step: "picture", tags, userTags },
    },
  };
  const image = { url: `https://v3.fal.media/files/b/${id}/picture.png`, width: 1024, height: 768 };
  const price = { units: 1, unit: "megapixels", unitPriceNanoUsd: 3_000_000, pricedAt: at };
  const completion = {
    ...{ data: { images: [image], seed: n }, units: 1, waitSeconds: 0.4, runSeconds: 1.9 },
    cost: { source: "measured", nanoUsd: 3_000_000, ...price } as const,
  };
  return { intent, ticket: { endpoint: ENDPOINT, requestId, queue: "https://queue.fal.run" }, completion };
}

/** As many transactions as a call has, each of which writes one small row: what this much durability costs by itself. */
function floor(path: string, calls: number): number {
  const db = new DatabaseSync(path);
  db.exec(
    "pragma journal_mode = wal; pragma synchronous = full; create table t (id text primary key, note text)",
  );
  const insert = db.prepare("insert into t values (?, ?)");
  const update = db.prepare("update t set note = ? where id = ?");
  const used = stopwatch();
  for (let n = 0; n < calls; n++) {
    const id = crypto.randomUUID();
    insert.run(id, "intended");
    update.run("submitted", id);
    update.run("completed", id);
  }
  const { cpuMs } = used();
  db.close();
  return cpuMs / calls;
}
