import { join } from "node:path";
import { memoryStore } from "fal-chain";
import { sqliteStore } from "fal-chain/sqlite";
import { test } from "vitest";
import { tempDir } from "../support/temp.ts";
import { weathersAStorm } from "./ten-thousand.ts";

const MINUTES = 300_000;

test(
  "calls through everything that can go wrong, and memory: none paid twice, none lost",
  {
    timeout: MINUTES,
  },
  () => weathersAStorm(250, (calls) => memoryStore({ keepEnded: calls })),
);

test(
  "calls through everything that can go wrong, and SQLite: none paid twice, none lost",
  {
    timeout: MINUTES,
  },
  () => weathersAStorm(100, () => sqliteStore(join(tempDir(), "store.db"))),
);
