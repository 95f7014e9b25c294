import { postgresStore } from "fal-chain/postgres";
import pg from "pg";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import { freshSchema, postgresUrl } from "../support/postgres.ts";
import { conforms } from "./conformance.ts";
import { agreesWithMemory } from "./model.ts";

let url = "";
let admin: pg.Client;
beforeAll(async () => {
  url = await postgresUrl();
  admin = new pg.Client(url);
  await admin.connect();
}, 60_000);
afterAll(() => admin.end());

/** The database's clock cannot be set, so its leases are made older. */
const ageing = (schema: string) => async (ms: number) => {
  await admin.query(`update ${schema}.runs set lease_until = lease_until - $1 where owner is not null`, [ms]);
  await admin.query(`update ${schema}.slots set until = until - $1`, [ms]);
};

async function fresh() {
  const schema = freshSchema();
  const store = postgresStore(url, { schema });
  onTestFinished(() => store.close());
  await store.calls.list();
  return { store, pass: ageing(schema) };
}

conforms("the PostgreSQL store", fresh);
agreesWithMemory("the PostgreSQL store", { fresh, runs: 15 });
