import { randomBytes } from "node:crypto";
import { createServer } from "node:net";
import { InvalidArgumentError, StoreError } from "fal-chain";
import { postgresStore } from "fal-chain/postgres";
import { expect, onTestFinished, test } from "vitest";
import { openStore } from "../../src/store/open.ts";
import { freshSchema, postgres } from "../support/postgres.ts";
import { ECHO, failureOf, setup } from "../support/setup.ts";
import { claim, intent, outcome, owner, ticket } from "./samples.ts";

const database = postgres();

function open(at: string, options: Parameters<typeof postgresStore>[1] = {}) {
  const store = postgresStore(at, { schema: freshSchema(), ...options });
  onTestFinished(() => store.close());
  return store;
}

/** The URL with some of its parts changed. */
function changed(
  parts: Partial<Pick<URL, "password" | "username" | "port" | "pathname" | "search">>,
): string {
  return Object.assign(new URL(database.url), parts).href;
}

test.each([
  ["a wrong password", () => changed({ password: "wrong-secret" }), "refuses the user or the password"],
  ["a database that is not there", () => changed({ pathname: "/nowhere" }), "has no such database"],
  ["a server that is not there", () => changed({ port: "1" }), "cannot be reached: nothing listens there"],
  [
    "a read-only server",
    () => changed({ search: "?options=-c default_transaction_read_only=on" }),
    "is read-only",
  ],
])("%s is an error before anything is paid, and shows no password", async (_, at, says) => {
  const store = open(at());
  const error = await store.calls.intend(intent("a")).catch((error) => error);
  expect(error).toBeInstanceOf(StoreError);
  expect(error.message).toContain(`The store ${store.name} ${says}`);
  expect(`${error.message} ${error.stack} ${error.cause} ${store.name}`).not.toMatch(/secret|hush/);
});

test("a text names a database", async () => {
  const store = await openStore(database.url.replace("postgres:", "postgresql:"));
  onTestFinished(() => store.close());
  expect(store).toMatchObject({ name: `postgres://${new URL(database.url).host}/postgres`, durable: true });
  expect(await store.calls.get("nobody")).toBeUndefined();
});

test("a tag whose value no index could hold has a budget all the same", async () => {
  const { fal } = setup({ store: open(database.url), budgets: [{ tag: "customer", usd: 0.01 }] });
  // Compressed, a text that repeats itself would fit.
  const customer = randomBytes(3_000).toString("hex");
  const call = () => fal.subscribe(ECHO, { input: {}, tags: { customer } });
  await call();
  await fal.close();
  await expect(call()).rejects.toMatchObject({ code: "budget_exceeded", chargedNanoUsd: 10_000_000 });
});

test("a server that does not answer is an error in time", async () => {
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void silent.close());
  const store = open(changed({ port: `${(silent.address() as { port: number }).port}` }), {
    connectTimeout: 50,
  });
  await expect(store.calls.intend(intent("a"))).rejects.toThrow("did not answer in time");
});

test("a URL or a schema that cannot be one is an error at once, and the URL is not shown", () => {
  expect(() => postgresStore("mysql://me:hush@here/db")).toThrow(InvalidArgumentError);
  expect(() => postgresStore("me:hush@here")).toThrow(/^(?!.*hush).*postgres:\/\/user/);
  expect(() => postgresStore(database.url, { schema: 'a"; drop schema public' })).toThrow(
    InvalidArgumentError,
  );
});

test("processes that start at once make the schema once, and a store that failed to open tries again", async () => {
  const schema = freshSchema();
  const stores = Array.from({ length: 4 }, () => open(database.url, { schema }));
  await Promise.all(stores.map((store, n) => store.calls.intend(intent(`c${n}`))));
  expect(await stores[0]?.calls.list()).toHaveLength(4);

  const { rows } = await database.admin.query(`select version from ${schema}.version`);
  await database.admin.query(`update ${schema}.version set version = 99`);
  const late = open(database.url, { schema });
  await expect(late.calls.intend(intent("d"))).rejects.toThrow(
    /newer version of fal-chain \(the schema test_\w+ is 99/,
  );
  await database.admin.query(`update ${schema}.version set version = $1`, [rows[0].version]);
  await late.calls.intend(intent("d"));
});

test("a connection that is lost is replaced, and what it had begun is done again", async () => {
  const schema = freshSchema();
  const store = open(`${database.url}?application_name=${schema}`, { schema, max: 1 });
  const kill = (waitMs: number) =>
    database.admin.query(
      "select pg_terminate_backend(pid, $2) from pg_stat_activity where application_name = $1",
      [schema, waitMs],
    );
  await store.calls.intend(intent("a"));
  await kill(5_000);
  await store.calls.submitted("a", ticket("r1"), 2);
  for (let n = 0; n < 3; n++) {
    // Only a commit whose answer is lost is not done again: nobody knows whether it was heard.
    const noted = store.calls.completed("a", outcome, 3).catch((error) => error);
    const [lost] = await Promise.all([noted, kill(0)]);
    if (lost) expect(lost).toMatchObject({ code: "store", retryable: true });
    await kill(5_000);
    await store.calls.intend(intent(`b${n}`));
  }
  await store.calls.completed("a", outcome, 3);
  expect(await store.calls.get("a")).toMatchObject({ state: "completed" });
});

test("stores that share a database never own a run or a request twice, nor overshoot a budget", async () => {
  const schema = freshSchema();
  const stores = [1, 2, 3].map(() => open(database.url, { schema }));
  const rounds = 30;
  const given = { runs: 0, requests: 0, reserved: 0 };
  const reserve = [{ budget: "shared", window: 0, limitNanoUsd: rounds, nanoUsd: 1 }];
  const race = stores.flatMap((store, pid) =>
    Array.from({ length: rounds }, async (_, n) => {
      const { owned } = await store.runs.claim(claim(`${n}`, { owner: owner(pid), leaseMs: 600_000 }));
      if (owned) given.runs++;
      const id = `${pid}-${n}`;
      const refused = await store.calls.intend(intent(id), { reserve }).catch(({ code }) => code);
      if (refused) {
        expect(refused).toBe("budget_exceeded");
        await store.calls.intend(intent(id));
      } else {
        given.reserved++;
      }
      const taken = await store.calls.submitted(id, ticket(`r${n}`), 1).catch(({ code }) => code);
      if (taken) expect(taken).toBe("request_claimed");
      else given.requests++;
    }),
  );
  await Promise.all(race);
  expect(given).toEqual({ runs: rounds, requests: rounds, reserved: rounds });
  expect((await database.admin.query(`select charged, reserved from ${schema}.budgets`)).rows).toEqual([
    { charged: "0", reserved: `${rounds}` },
  ]);
});

test("calls that begin and calls that are charged lock budgets in one order, whatever the database's collation", async () => {
  const words = `words_${freshSchema()}`;
  // As most databases are set up: "a" before "B".
  const locale = "encoding 'UTF8' locale_provider icu icu_locale 'en-US' locale 'C'";
  await database.admin.query(`create database ${words} template template0 ${locale}`);
  onTestFinished(async () => {
    await database.admin.query(`drop database ${words} with (force)`);
  });
  const store = open(changed({ pathname: `/${words}` }));
  const reserve = ["run:B/1", "run:a/1", "run:a-b/2", "tag:Z"].map((budget) => {
    return { budget, window: 0, limitNanoUsd: 1e12, nanoUsd: 6 };
  });
  const ids = Array.from({ length: 100 }, (_, n) => `${n}`);
  for (const id of ids) await store.calls.intend(intent(id), { reserve });
  const cost = { source: "measured", nanoUsd: 5, units: 1 } as const;
  await Promise.all(
    ids.flatMap((id) => [
      store.calls.charged(id, cost, 2),
      store.calls.intend(intent(`after ${id}`), { reserve }),
    ]),
  );
  await store.close();
  const said = await database.admin.query("select deadlocks from pg_stat_database where datname = $1", [
    words,
  ]);
  expect(said.rows).toEqual([{ deadlocks: "0" }]);
});

test("who waits for a connection of the store's own waits as long as it takes", async () => {
  const schema = freshSchema();
  const store = open(database.url, { schema, max: 1, connectTimeout: 500 });
  await store.calls.intend(intent("a"));
  await database.admin.query(`begin; lock table ${schema}.calls in exclusive mode`);
  const held = [
    store.calls.submitted("a", ticket("r1"), 2),
    store.calls.intend(intent("b")),
    store.calls.intend(intent("c")),
  ];
  await database.admin.query("select pg_sleep(0.8)");
  await database.admin.query("commit");
  await Promise.all(held);
});

test("an error never has what was sent in it", async () => {
  const store = open(database.url);
  const refused = await store.calls
    // PostgreSQL quotes the whole row where a column must not be null.
    .intend({ ...intent("a", { body: "a secret fox" }), queue: null as never })
    .catch((error) => error);
  expect(refused).toBeInstanceOf(StoreError);
  expect(JSON.stringify([refused.message, refused.stack, refused.cause, refused])).not.toContain("fox");
  expect(refused.cause).not.toHaveProperty("detail");
});

test("a store of ids keeps no payload here either", async () => {
  const schema = freshSchema();
  const store = open(database.url, { schema, keep: "ids" });
  await store.calls.intend(intent("a", { body: "a secret fox" }));
  await store.calls.completed("a", { data: "a secret fox", units: 2, waitSeconds: 1, runSeconds: 1 }, 2);
  expect(await store.calls.get("a")).toMatchObject({
    body: undefined,
    outcome: undefined,
    usage: { units: 2 },
  });
  expect((await database.admin.query(`select * from ${schema}.calls`)).rows[0]).toMatchObject({
    body: null,
    data: null,
  });
});

test("what can never be stored is told from a server that is away", async () => {
  const store = open(database.url);
  await store.calls.intend(intent("a"));
  const never = await failureOf(store.calls.charged("a", { source: "measured", nanoUsd: 1e300 }, 2));
  expect(never).toMatchObject({ name: "StoreError", isOfValue: true });
  await store.calls.submitted("a", ticket("r"), 2);
  const away = await failureOf(open(changed({ port: "1" })).calls.list());
  expect(away).not.toHaveProperty("isOfValue");
});
