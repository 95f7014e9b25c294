import { RequestClaimedError } from "fal-chain";
import { sqliteStore } from "fal-chain/sqlite";
import { claim, intent, owner, ticket } from "../samples.ts";

/** One of several processes that want the same runs, requests and money; says on stdout what it was given. */
const [, , path = "", rounds = "0"] = process.argv;
const store = sqliteStore(path);
const given = { runs: [] as string[], requests: [] as string[], reserved: 0 };
const money = { budget: "shared", window: 0, limitNanoUsd: Number(rounds), nanoUsd: 1 };

for (let n = 0; n < Number(rounds); n++) {
  const { owned } = await store.runs.claim(claim(`${n}`, { owner: owner(process.pid), leaseMs: 600_000 }));
  if (owned) given.runs.push(`${n}`);

  const id = `${process.pid}-${n}`;
  const refused = await store.calls.intend(intent(id), { reserve: [money] }).catch((error) => error);
  if (refused) {
    if (refused.code !== "budget_exceeded") throw refused;
    await store.calls.intend(intent(id));
  } else {
    given.reserved++;
  }

  const taken = await store.calls.submitted(id, ticket(`r${n}`), 1).catch((error) => error);
  if (!taken) given.requests.push(`r${n}`);
  else if (!(taken instanceof RequestClaimedError)) throw taken;
}
await store.close();
process.stdout.write(JSON.stringify(given));
