import { postgresStore } from "fal-chain/postgres";
import { beforeAll } from "vitest";
import { freshSchema, postgresUrl } from "../support/postgres.ts";
import { endsForAnyAnswer } from "./any-answer.ts";
import { inRealTime } from "./real-time.ts";

let url = "";
beforeAll(async () => {
  url = await postgresUrl();
}, 60_000);

const RUNS = Number(process.env["ANSWERS"] ?? 20);

endsForAnyAnswer("PostgreSQL", () => postgresStore(url, { schema: freshSchema() }), RUNS, inRealTime);
