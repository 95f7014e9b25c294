import { postgresStore } from "fal-chain/postgres";
import { sqliteStore } from "fal-chain/sqlite";
import { beforeAll } from "vitest";
import { freshSchema, postgresUrl } from "../support/postgres.ts";
import { tempDir } from "../support/temp.ts";
import { endsForAnyAnswer } from "./any-answer.ts";
import { inRealTime } from "./real-time.ts";

let url = "";
beforeAll(async () => {
  url = await postgresUrl();
}, 60_000);

const ANSWERS = process.env["ANSWERS"];

endsForAnyAnswer(
  "PostgreSQL",
  () => postgresStore(url, { schema: freshSchema() }),
  Number(ANSWERS ?? 20),
  inRealTime,
);
endsForAnyAnswer("SQLite", () => sqliteStore(`${tempDir()}/calls.db`), Number(ANSWERS ?? 60));
