// A worker in a process of its own. Says what it does, one event to a line; SIGTERM stops it.
import { createFal } from "fal-chain";
import { postgresStore } from "fal-chain/postgres";
import { startWorker } from "fal-chain/worker";
import { three } from "../three.ts";

const { url, schema, jobs, concurrency, haste } = JSON.parse(process.argv[2] ?? "{}");
const store = postgresStore(url, { schema, ...haste?.store });
const fal = createFal({ store, ...haste?.client });

const worker = await startWorker({
  fal,
  url,
  schema: jobs,
  chains: [three(fal)],
  concurrency,
  pollInterval: 100,
  onEvent: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
});
process.stdout.write('{"type":"ready"}\n');

process.once("SIGTERM", async () => {
  await worker.stop();
  await fal.close();
  await store.close();
});
