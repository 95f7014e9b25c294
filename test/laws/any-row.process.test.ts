import { postgresStore } from "fal-chain/postgres";
import pg from "pg";
import { afterAll, beforeAll } from "vitest";
import { freshSchema, postgresUrl } from "../support/postgres.ts";
import { readsAnyRow } from "./any-row.ts";
import { inRealTime } from "./real-time.ts";

let url = "";
let admin: pg.Client;
beforeAll(async () => {
  url = await postgresUrl();
  admin = new pg.Client(url);
  await admin.connect();
}, 60_000);
afterAll(() => admin.end());

readsAnyRow(
  "PostgreSQL",
  async () => {
    const schema = freshSchema();
    return {
      store: postgresStore(url, { schema, max: 3 }),
      prefix: `${schema}.`,
      sql: async (statement, ...values) => void (await admin.query(statement, [...values])),
    };
  },
  Number(process.env["ROWS"] ?? 10),
  inRealTime,
);
