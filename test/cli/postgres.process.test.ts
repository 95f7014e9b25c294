import { postgresStore } from "fal-chain/postgres";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { command } from "../support/cli.ts";
import { intentOf } from "../support/intents.ts";
import { freshSchema, postgresUrl } from "../support/postgres.ts";

test("who looks for a store makes none: a database without one is an error, and stays as it was", async () => {
  const url = await postgresUrl();
  const admin = new pg.Client(url);
  await admin.connect();
  const name = freshSchema();
  await admin.query(`create database ${name}`);
  onTestFinished(async () => {
    await admin.query(`drop database ${name} with (force)`);
    await admin.end();
  });
  const mine = Object.assign(new URL(url), { pathname: `/${name}` }).href;
  const env = { FAL_KEY: "k3y-id-0a1b2c:s3cr3t", FAL_CHAIN_STORE: mine };
  const run = (...argv: string[]) => command(main, argv, { env });

  for (const argv of [
    ["calls"],
    ["runs", "--json"],
    ["costs"],
    ["calls", "show", "abcd"],
    ["runs", "cancel", "a"],
  ]) {
    const { code, stdout, stderr } = await run(...argv);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(
      new RegExp(`^error: There is no store in postgres://[^ ]+/${name}: nothing has made the schema`),
    );
  }
  const own = new pg.Client(mine);
  await own.connect();
  const { rows } = await own.query("select 1 from pg_namespace where nspname = 'fal_chain'");
  await own.end();
  expect(rows).toEqual([]);

  const store = postgresStore(mine);
  await store.calls.intend(intentOf("call-1"));
  await store.close();
  expect(JSON.parse((await run("calls", "--json")).stdout)).toMatchObject([{ id: "call-1" }]);
});
