import type { Store } from "fal-chain";
import { postgresStore } from "fal-chain/postgres";
import { sqliteStore } from "fal-chain/sqlite";
import { test } from "vitest";
import { freshSchema, postgresUrl } from "../support/postgres.ts";
import { tempDir } from "../support/temp.ts";
import { ANSWERS, sameAnswers, sameWherever, THROWN } from "./replays.ts";

const STORES: readonly [string, () => Promise<Store>][] = [
  ["SQLite", async () => sqliteStore(`${tempDir()}/replays.db`)],
  ["PostgreSQL", async () => postgresStore(await postgresUrl(), { schema: freshSchema() })],
];

test.each(STORES)(
  "whatever is thrown or answered is the same in a replay over %s",
  {
    timeout: 120_000,
  },
  async (_, open) => {
    const store = await open();
    for (const [, make, check] of THROWN) {
      for (const caught of await sameWherever(make, () => store)) check(caught as never);
    }
    for (const [, wire, expected] of ANSWERS) await sameAnswers(wire, expected, () => store);
    await store.close();
  },
);
