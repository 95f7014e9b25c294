import { join } from "node:path";
import { postgresStore } from "fal-chain/postgres";
import { sqliteStore } from "fal-chain/sqlite";
import { test } from "vitest";
import { freshSchema, postgresUrl } from "../support/postgres.ts";
import { tempDir } from "../support/temp.ts";
import { weathersAStorm } from "./ten-thousand.ts";

const MINUTES = { timeout: 300_000 };

test("calls through everything that can go wrong, and SQLite: none paid twice, none lost", MINUTES, () =>
  weathersAStorm(250, () => sqliteStore(join(tempDir(), "store.db"))),
);

test(
  "calls through everything that can go wrong, and PostgreSQL: none paid twice, none lost",
  MINUTES,
  async () => {
    const url = await postgresUrl();
    await weathersAStorm(250, () => postgresStore(url, { schema: freshSchema() }));
  },
);
