import { postgresStore } from "fal-chain/postgres";
import { onTestFinished } from "vitest";
import { freshSchema, postgres } from "../support/postgres.ts";
import { conforms } from "./conformance.ts";
import { agreesWithMemory } from "./model.ts";

const database = postgres();

/** The database's clock cannot be set, so its leases are made older. */
const ageing = (schema: string) => async (ms: number) => {
  await database.admin.query(
    `update ${schema}.runs set lease_until = lease_until - $1 where owner is not null`,
    [ms],
  );
  await database.admin.query(`update ${schema}.slots set until = until - $1`, [ms]);
};

async function fresh() {
  const schema = freshSchema();
  const store = postgresStore(database.url, { schema });
  onTestFinished(() => store.close());
  await store.calls.list();
  return { store, pass: ageing(schema) };
}

conforms("the PostgreSQL store", fresh);
agreesWithMemory("the PostgreSQL store", { fresh, runs: 15 });
