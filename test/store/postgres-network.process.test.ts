import { StoreError } from "fal-chain";
import { postgresStore } from "fal-chain/postgres";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { freshSchema, postgres } from "../support/postgres.ts";
import { startPostgres } from "../support/postgres-server.ts";
import { tcpProxy } from "../support/tcp-proxy.ts";
import { claim, intent, outcome, owner, ticket } from "./samples.ts";

const database = postgres();

function open(at: string | pg.Pool, options: Parameters<typeof postgresStore>[1] = {}) {
  const store = postgresStore(at, { schema: freshSchema(), ...options });
  onTestFinished(() => store.close());
  return store;
}

/** A store behind a network. */
async function behind(options: Parameters<typeof postgresStore>[1] = {}) {
  const proxy = await tcpProxy(Number(new URL(database.url).port));
  const at = Object.assign(new URL(database.url), { port: `${proxy.port}` }).href;
  return { proxy, at, store: open(at, options) };
}

/** The message, and not the isolation level of the same letters. */
const COMMIT = "commit\0";

const fence = { chain: "poster", run: "1", epoch: 1 };
const claimOf = (name: string) => claim("1", { owner: { ...owner(1), claim: name }, leaseMs: 600_000 });

test("a server that restarts is waited for, and nothing is noted twice", async () => {
  const server = await startPostgres();
  onTestFinished(() => server.stop());
  const stores = [1, 2].map(() => open(server.url, { schema: "restarted", max: 3 }));
  const [store] = stores as [(typeof stores)[number]];
  await store.runs.claim(claim("1", { owner: owner(1), leaseMs: 600_000 }));
  let isOver = false;
  let noted = 0;
  const writers = stores.flatMap((one, n) =>
    [1, 2, 3].map(async (m) => {
      for (let k = 0; !isOver; k++) {
        const id = `${n}-${m}-${k}`;
        await one.calls.intend(intent(id, { chain: "poster", run: "1", key: id }), { fence });
        await one.calls.submitted(id, ticket(id), 2);
        await one.calls.completed(id, outcome, 3);
        noted++;
      }
    }),
  );
  for (let n = 0; n < 3; n++) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    await server.restart(500);
  }
  isOver = true;
  await Promise.all(writers);
  const calls = await store.calls.list({ limit: 1_000_000 });
  expect(calls).toHaveLength(noted);
  expect(new Set(calls.map(({ state }) => state))).toEqual(new Set(["completed"]));
}, 60_000);

test.each([
  "calls.intend",
  "calls.submitted",
  "calls.completed",
  "runs.claim",
  "runs.saveStep",
  "runs.appendEvents",
  "runs.end",
] as const)("%s is done once where the answer to its commit is lost", async (name) => {
  const { proxy, store } = await behind();
  await store.calls.list();
  const acts = {
    "runs.claim": async () => expect(await store.runs.claim(claimOf("a"))).toMatchObject({ owned: true }),
    "calls.intend": () => store.calls.intend(intent("a", { chain: "poster", run: "1", key: "k" }), { fence }),
    "calls.submitted": () => store.calls.submitted("a", ticket("r1"), 2),
    "calls.completed": () => store.calls.completed("a", outcome, 3),
    "runs.saveStep": () =>
      store.runs.saveStep(fence, { key: "k", name: "n", value: "1", error: undefined, at: 1 }),
    "runs.appendEvents": () => store.runs.appendEvents(fence, ['"one"', '"two"']),
    "runs.end": () => store.runs.end(fence, { state: "completed", output: "1" }, 4),
  };
  for (const [step, act] of Object.entries(acts)) {
    if (step === name) proxy.loseAnswerTo(COMMIT);
    await act();
  }
  expect(proxy.taken).toBeGreaterThan(1);
  expect(await store.runs.get("poster", "1")).toMatchObject({ state: "completed", epoch: 1 });
  expect(await store.runs.events("poster", "1", 0)).toHaveLength(2);
  expect(await store.calls.list()).toMatchObject([{ id: "a", state: "completed", ticket: ticket("r1") }]);
});

test("another one's claim is not taken for one's own whose answer was lost", async () => {
  const { proxy, store, at } = await behind();
  const other = open(at, { schema: freshSchema() });
  await other.calls.list();
  expect(await store.runs.claim(claimOf("a"))).toMatchObject({ owned: true });
  proxy.loseAnswerTo(COMMIT);
  expect(await store.runs.claim(claimOf("b"))).toMatchObject({ owned: false, run: { epoch: 1 } });
});

test("connections that fall silent are thrown away, all of them, and new ones are asked", async () => {
  const { proxy, store } = await behind({ queryTimeout: 300, max: 4 });
  await Promise.all([1, 2, 3, 4].map((n) => store.calls.intend(intent(`${n}`))));
  proxy.blackHole();
  const before = Date.now();
  await store.calls.submitted("1", ticket("r1"), 2);
  // The others are not found out one by one.
  expect(Date.now() - before).toBeLessThan(900);
  await Promise.all(["2", "3", "4"].map((id) => store.calls.submitted(id, ticket(`r${id}`), 2)));
  expect(Date.now() - before).toBeLessThan(1_200);
  expect((await store.calls.list()).map(({ state }) => state)).toEqual(Array(4).fill("submitted"));
});

test("a server that is out of reach for longer is an error in time, of whatever is asked, and of close() none", async () => {
  const { proxy, store } = await behind({ queryTimeout: 200, connectTimeout: 200, patience: 300 });
  await store.calls.intend(intent("a"));
  proxy.blackHole({ newOnesToo: true });
  const asked = [
    store.calls.get("a"),
    store.runs.get("poster", "1"),
    store.calls.submitted("a", ticket("r1"), 2),
    store.calls.intend(intent("b")),
    store.spend({ by: [] }),
  ];
  for (const end of await Promise.allSettled(asked)) {
    expect(end).toMatchObject({
      status: "rejected",
      reason: { code: "store", retryable: true, message: expect.stringContaining("did not answer in time") },
    });
  }
  proxy.heal();
  await store.calls.submitted("a", ticket("r1"), 2);
  proxy.blackHole({ newOnesToo: true });
  await store.close();
});

test("whoever falls silent in the middle of a transaction keeps its locks for no longer than queryTimeout", async () => {
  const schema = freshSchema();
  const { proxy, store } = await behind({ schema, queryTimeout: 500, patience: 0 });
  const other = open(database.url, { schema, queryTimeout: 10_000 });
  await store.calls.intend(intent("a"));
  proxy.silentAfter("for update");
  const lost = store.calls.submitted("a", ticket("r1"), 2).catch(({ code }) => code);
  // It holds the row now, and its commit never comes.
  await new Promise((resolve) => setTimeout(resolve, 100));
  const before = Date.now();
  await other.calls.submitted("a", ticket("r2"), 2);
  expect(Date.now() - before).toBeGreaterThan(100);
  expect(Date.now() - before).toBeLessThan(3_000);
  expect(await lost).toBe("store");
});

test("a long answer is no silence", async () => {
  const schema = freshSchema();
  const direct = open(database.url, { schema });
  for (let n = 0; n < 5; n++) {
    await direct.calls.intend(intent(`${n}`));
    await direct.calls.completed(`${n}`, { ...outcome, data: "x".repeat(4_000_000) }, 2);
  }
  const { proxy, store } = await behind({ schema, queryTimeout: 700, patience: 0 });
  await store.calls.get("0");
  proxy.slow(5);
  const before = Date.now();
  expect(await store.calls.list()).toHaveLength(5);
  expect(Date.now() - before).toBeGreaterThan(1_000);
});

test("connections that are reset, refused, or too many are tried again", async () => {
  const { proxy, store } = await behind();
  await store.calls.intend(intent("a"));
  proxy.reset();
  await store.calls.submitted("a", ticket("r1"), 2);
  proxy.refuse(true);
  proxy.reset();
  setTimeout(() => proxy.refuse(false), 700);
  await store.calls.completed("a", outcome, 3);
  expect(await store.calls.get("a")).toMatchObject({ state: "completed" });

  const user = `few_${freshSchema().slice(0, 20)}`;
  const admin = new pg.Client(database.url);
  await admin.connect();
  onTestFinished(() => admin.end());
  await admin.query(`create role ${user} login password 'few' connection limit 1`);
  await admin.query(`grant create on database postgres to ${user}`);
  const few = Object.assign(new URL(database.url), { username: user, password: "few" }).href;
  const crowded = open(few, { max: 3 });
  await crowded.calls.intend(intent("a"));
  await Promise.all(["b", "c", "d"].map((id) => crowded.calls.intend(intent(id))));
  expect(await crowded.calls.list()).toHaveLength(4);
});

test.each(["serializable", "repeatable read"])(
  "a server whose transactions are %s by default is no other server",
  async (isolation) => {
    const schema = freshSchema();
    const search = `?options=${encodeURIComponent(`-c default_transaction_isolation=${isolation.replace(" ", "\\ ")}`)}`;
    const at = Object.assign(new URL(database.url), { search }).href;
    // The schema is made by all of them at once.
    const stores = [1, 2, 3, 4].map(() => open(at, { schema, patience: 0 }));
    const [store] = stores as [(typeof stores)[number]];
    const reserve = [{ budget: "shared", window: 0, limitNanoUsd: 1_000, nanoUsd: 1 }];
    await Promise.all(
      stores.flatMap((one, n) =>
        [1, 2, 3, 4, 5].map(async (m) => {
          const id = `${n}-${m}`;
          await one.runs.claim(claim(id, { owner: owner(n), leaseMs: 600_000 }));
          await one.calls.intend(intent(id), { reserve });
          await one.calls.submitted(id, ticket(id), 2);
          await one.calls.completed(id, outcome, 3);
          await one.calls.charged(id, { source: "measured", nanoUsd: 1 }, 4);
        }),
      ),
    );
    expect(await store.calls.list()).toHaveLength(20);
    expect(await store.spend({ by: [] })).toMatchObject([{ calls: 20, nanoUsd: 20n }]);
  },
);

test("a pool of one's own can be given, which is not closed with the store", async () => {
  const proxy = await tcpProxy(Number(new URL(database.url).port));
  const pool = new pg.Pool({
    connectionString: Object.assign(new URL(database.url), { port: `${proxy.port}` }).href,
    max: 2,
  });
  pool.on("error", () => {});
  const store = open(pool, { queryTimeout: 300, connectTimeout: 2_000 });
  expect(store.name).toMatch(/^postgres:\/\/127\.0\.0\.1:\d+\/postgres$/);
  await Promise.all(["a", "b"].map((id) => store.calls.intend(intent(id))));
  proxy.blackHole();
  await store.calls.submitted("a", ticket("r1"), 2);
  const [call] = await store.calls.list({ requestId: "r1" });
  expect(call?.intendedAt).toBe(1);
  await store.close();
  expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  await pool.end();
  expect(() => postgresStore({} as pg.Pool)).toThrow(/needs a URL.*or a Pool of pg/);
  await expect(store.calls.list()).rejects.toBeInstanceOf(StoreError);
});
