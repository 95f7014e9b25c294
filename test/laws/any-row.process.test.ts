import { postgresStore } from "fal-chain/postgres";
import { freshSchema, postgres } from "../support/postgres.ts";
import { readsAnyRow } from "./any-row.ts";
import { inRealTime } from "./real-time.ts";

const database = postgres();

readsAnyRow(
  "PostgreSQL",
  async () => {
    const schema = freshSchema();
    return {
      store: postgresStore(database.url, { schema, max: 3 }),
      prefix: `${schema}.`,
      sql: async (statement, ...values) => void (await database.admin.query(statement, [...values])),
    };
  },
  Number(process.env["ROWS"] ?? 10),
  inRealTime,
);
