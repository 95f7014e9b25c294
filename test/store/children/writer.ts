import { sqliteStore } from "fal-chain/sqlite";
import { intent, outcome, ticket } from "../samples.ts";

/** Writes calls until it is killed, and says on stdout what the store has acknowledged. */
const [, , path = ""] = process.argv;
const store = sqliteStore(path);
for (let n = 0; ; n++) {
  const id = `c${n}`;
  await store.calls.intend(intent(id), {
    reserve: [{ budget: "b", window: 0, limitNanoUsd: 1e15, nanoUsd: 5 }],
  });
  await store.calls.submitted(id, ticket(`r${n}`), 2);
  await store.calls.completed(id, outcome, 3);
  await store.calls.charged(id, { source: "measured", nanoUsd: 3 }, 4);
  process.stdout.write(`${id}\n`);
}
