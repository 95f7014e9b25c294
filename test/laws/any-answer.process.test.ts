import { postgresStore } from "fal-chain/postgres";
import { sqliteStore } from "fal-chain/sqlite";
import { freshSchema, postgres } from "../support/postgres.ts";
import { tempDir } from "../support/temp.ts";
import { endsForAnyAnswer } from "./any-answer.ts";
import { inRealTime } from "./real-time.ts";

const database = postgres();

const ANSWERS = process.env["ANSWERS"];

endsForAnyAnswer(
  "PostgreSQL",
  () => postgresStore(database.url, { schema: freshSchema() }),
  Number(ANSWERS ?? 20),
  inRealTime,
);
endsForAnyAnswer("SQLite", () => sqliteStore(`${tempDir()}/calls.db`), Number(ANSWERS ?? 60));
