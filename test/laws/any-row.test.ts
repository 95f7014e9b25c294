import { DatabaseSync } from "node:sqlite";
import { sqliteStore } from "fal-chain/sqlite";
import { onTestFinished } from "vitest";
import { cases } from "../support/cases.ts";
import { tempDir } from "../support/temp.ts";
import { readsAnyRow } from "./any-row.ts";

readsAnyRow(
  "SQLite",
  async () => {
    const file = `${tempDir()}/calls.db`;
    const store = sqliteStore(file);
    const db = new DatabaseSync(file);
    onTestFinished(() => {
      if (db.isOpen) db.close();
    });
    return {
      store,
      prefix: "",
      sql: async (statement, ...values) => void db.prepare(statement.replaceAll(/\$\d/g, "?")).run(...values),
    };
  },
  Number(process.env["ROWS"] ?? cases(12)),
);
