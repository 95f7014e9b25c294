import { EventEmitter } from "node:events";
import type { Pool } from "pg";
import { expect, test } from "vitest";
import { openPool } from "../../src/store/postgres/pool.ts";

test("a connection that ends while the pool lets it in ends no process", async () => {
  const given = new EventEmitter();
  const { pool } = await openPool(given as unknown as Pool, { max: 1, connectTimeout: 1_000 });
  expect(pool).toBe(given);
  const client = new EventEmitter();
  given.emit("connect", client);
  expect(client.emit("error", new Error("terminating connection due to administrator command"))).toBe(true);
});
