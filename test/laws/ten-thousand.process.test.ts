import { postgresStore } from "fal-chain/postgres";
import { test } from "vitest";
import { freshSchema, postgresUrl } from "../support/postgres.ts";
import { weathersAStorm } from "./ten-thousand.ts";

test("calls through everything that can go wrong, and PostgreSQL: none paid twice, none lost", {
  timeout: 300_000,
}, async () => {
  const url = await postgresUrl();
  await weathersAStorm(250, () => postgresStore(url, { schema: freshSchema() }));
});
