import { inspectEnvironment, systemClock } from "fal-chain";
import { postgresStore } from "fal-chain/postgres";
import { sqliteStore } from "fal-chain/sqlite";
import { expect, test } from "vitest";
import { withoutSecrets } from "../../src/errors/secrets.ts";
import { postgresError } from "../../src/store/postgres/errors.ts";
import { selectedStore } from "../../src/store/selected.ts";
import { parseSelector, shownSelector } from "../../src/store/selector.ts";
import { printed } from "../support/printed.ts";
import { ECHO, ENV, failureOf, setup } from "../support/setup.ts";

const PASSWORD = "hunter2-swordfish";

/** Wherever people put a password, and whatever is in it. */
const URLS = [
  `postgres://me:${PASSWORD}@127.0.0.1:1/db`,
  `postgresql://me:${PASSWORD}@127.0.0.1:1/db`,
  `postgres://me:a@${PASSWORD}@127.0.0.1:1/db`,
  `postgres://me:a/${PASSWORD}@127.0.0.1:1/db`,
  `postgres://me:12/${PASSWORD}@127.0.0.1:1/db`,
  `postgres://me:12?${PASSWORD}@127.0.0.1:1/db`,
  `postgres://me:12#${PASSWORD}@127.0.0.1:1/db`,
  `postgres://${PASSWORD}/12:x@127.0.0.1:1/db`,
  `postgres://me:%40${PASSWORD}@127.0.0.1:1/db`,
  `postgres://127.0.0.1:1/db?user=me&password=${PASSWORD}`,
  `postgres://127.0.0.1:1/db?sslmode=require&sslpassword=${PASSWORD}`,
  `postgres://127.0.0.1:1/db?sslkey=${PASSWORD}`,
  `postgres://127.0.0.1:1/db password=${PASSWORD}`,
  `postgres:///db?host=/tmp&password=${PASSWORD}`,
  `host=127.0.0.1 user=me password=${PASSWORD} dbname=db`,
  `host=127.0.0.1 password = '${PASSWORD}' dbname=my.db`,
  `sqlite:postgres://me:${PASSWORD}@127.0.0.1/my.db`,
  `postgre://me:${PASSWORD}@127.0.0.1/my.db`,
  `POSTGRES://me:${PASSWORD}@127.0.0.1/db`,
  `jdbc:postgresql://127.0.0.1/db?password=${PASSWORD}`,
  `mysql://me:${PASSWORD}@127.0.0.1/x.db`,
];

test.each(URLS)("%s is shown without its password, whoever shows it", async (url) => {
  expect(shownSelector(url)).not.toContain(PASSWORD);
  const attempts = [
    () => setup({ env: { ...ENV, FAL_CHAIN_STORE: url } }).fal.calls.list(),
    () => setup({ store: url as "memory" }).fal.calls.list(),
    () => sqliteStore(url),
    // Nothing listens there, and the name of the host is none.
    () => postgresStore(url, { patience: 0 }).calls.list(),
  ].slice(parseSelector(url) === undefined ? 0 : 2);
  for (const attempt of attempts) {
    const error = await failureOf(Promise.resolve().then(attempt as () => Promise<unknown>));
    expect(printed(error)).not.toContain(PASSWORD);
  }
  if (parseSelector(url))
    expect(selectedStore({ selector: url, by: "variable" }, systemClock).name).not.toContain(PASSWORD);
});

test("what may be shown is: host and database, the path of a file", () => {
  expect(shownSelector("postgres://me:s3cr3t@db.example:5433/fal?sslmode=require")).toBe(
    "postgres://db.example:5433/fal",
  );
  expect(shownSelector("sqlite:calls and runs.db")).toBe("sqlite:calls and runs.db");
  expect(shownSelector("./calls.sqlite3")).toBe("./calls.sqlite3");
  expect(shownSelector("memory")).toBe("memory");
});

test("a server that quotes the password is not quoted, nor is one that quotes a key's file", () => {
  const url = `postgres://me:pw%2Fof-mine@db/fal?sslkey=${PASSWORD}`;
  const name = postgresStore(url).name;
  for (const said of ["pw%2Fof-mine", "pw/of-mine", PASSWORD]) {
    const error = postgresError(name, new Error(`it has ${said} in it`));
    expect(printed(error)).not.toContain(said);
  }
  expect(withoutSecrets("pw/of-mine")).toBe("…");
});

test.each([
  "FAL_HOST",
  "FAL_RUN_HOST",
  "FAL_APP_NAME",
  "FAL_APP_ID",
  "FAL_JOB_ID",
  "FAL_USER_NICKNAME",
  "FAL_REGION",
  "HF_HOME",
  "FAL_RUNNER_STATE",
])("a key in %s is an error that does not quote it, and goes nowhere", async (variable) => {
  const { FAL_KEY } = ENV;
  for (const key of [
    FAL_KEY,
    FAL_KEY.split(":")[1] ?? "",
    `Key ${FAL_KEY}`,
    "another-id:0123456789-secret-0123",
  ]) {
    const made = setup({ env: { FAL_KEY, [variable]: key } });
    const { findings } = inspectEnvironment({ FAL_KEY, [variable]: key });
    expect(findings.find((finding) => finding.variable === variable)).toMatchObject({
      state: "invalid",
      shown: "",
    });
    expect(printed(findings)).not.toContain(key);
    if (variable === "HF_HOME" || variable === "FAL_RUNNER_STATE") continue;
    const error = await failureOf(Promise.resolve().then(() => made.fal.subscribe(ECHO, { input: {} })));
    expect(error).toMatchObject({ code: "invalid_variable", variable });
    expect(printed(error)).not.toContain(key);
    expect(made.sent).toEqual([]);
  }
});
