import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryStore, type Store, StoreError } from "fal-chain";
import { afterAll, beforeEach, expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { ECHO, ENV, failureOf, SECRET, setup } from "../support/setup.ts";
import { instead, json, losing, networkError, type Wire } from "../support/wire.ts";

const dir = mkdtempSync(join(tmpdir(), "fal-chain-rescue-"));
afterAll(() => rmSync(dir, { recursive: true }));
let round = 0;
let file: string;
beforeEach(() => {
  file = join(dir, String(round++), "calls.db.rescue.jsonl");
});

const input = { prompt: "a fox in the snow" };
type Name = "intend" | "submitted" | "ambiguous" | "completed" | "failed" | "givenUp" | "charged";

/** A store that is kept as long as the test, whose writes fail while they are named in `broken`. */
function brittle(facts: Partial<Pick<Store, "durable" | "keep">> = {}) {
  const memory = memoryStore();
  const broken = new Set<Name>();
  /** What it can hold, where that is not everything. */
  const holds = { most: Number.POSITIVE_INFINITY };
  const failing =
    (name: Name) =>
    async (...args: never[]) => {
      if (name !== "intend" && JSON.stringify(args).length > holds.most) {
        throw new StoreError("The store calls.db cannot hold this: too big.", { isOfValue: true });
      }
      if (broken.has(name)) throw new StoreError("The disk of calls.db is full.");
      await (memory.calls[name] as (...all: never[]) => Promise<void>)(...args);
    };
  const store: Store = {
    ...memory,
    name: file.replace(/\.rescue\.jsonl$/, ""),
    durable: true,
    ...facts,
    calls: {
      ...memory.calls,
      intend: failing("intend"),
      submitted: failing("submitted"),
      ambiguous: failing("ambiguous"),
      completed: failing("completed"),
      failed: failing("failed"),
      givenUp: failing("givenUp"),
      charged: failing("charged"),
    },
  };
  return { store, memory, broken, holds };
}

function world(options: Parameters<typeof setup>[0] = {}, facts = {}) {
  const logged: string[] = [];
  const told: object[] = [];
  const brittled = brittle(facts);
  const logger = {
    warn(details: { err?: { message?: string } }, message: string) {
      told.push(details);
      logged.push(`${message}: ${details.err?.message}`);
    },
  };
  return { ...brittled, ...setup({ store: brittled.store, logger, ...options }), logged, told };
}

const lines = () =>
  readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
const posts = ({ sent }: ReturnType<typeof world>) => sent.filter(({ kind }) => kind === "submit").length;

test.each(["submitted", "completed", "charged"] as const)(
  "where %s cannot be written, the result is delivered and nothing further is paid until it is",
  async (name) => {
    const made = world();
    made.broken.add(name);
    const { data, requestId } = await made.fal.subscribe(ECHO, { input });
    await made.fal.close();
    expect(data).toEqual({ echo: input });

    const [call] = await made.memory.calls.list();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(lines()[0]).toMatchObject({
      time: expect.stringMatching(/^2026-01-01T/),
      store: made.store.name,
      call: call?.id,
      endpoint: ECHO,
      requestId,
      write: name,
      at: expect.any(Number),
    });
    expect(made.told[0]).toMatchObject({ call: expect.any(String), endpoint: expect.any(String) });
    expect(made.logged[0]).toContain(
      `call ${call?.id} of ${ECHO}, request ${requestId}. It is kept in ${file}.`,
    );

    const error = await failureOf(made.fal.subscribe(ECHO, { input }));
    expect(error).toMatchObject({ code: "store", message: expect.stringContaining(file) });
    expect(String(error)).toMatch(
      /^StoreError: No further paid call until .*disk of calls\.db is full\. Nothing was sent/,
    );
    expect(posts(made)).toBe(1);

    made.broken.clear();
    await made.fal.subscribe(ECHO, { input });
    await made.fal.close();
    expect(posts(made)).toBe(2);
    expect(await made.memory.calls.get(call?.id ?? "")).toMatchObject({
      state: "completed",
      ticket: { requestId },
      outcome: { data },
      cost: { source: "measured", nanoUsd: 10_000_000 },
    });
    expect(existsSync(file)).toBe(false);
  },
);

test("what a call cost is rescued with its result, where both were known at once", async () => {
  const made = world();
  await made.fal.subscribe(ECHO, { input });
  await made.fal.close();
  made.broken.add("completed");
  const { requestId } = await made.fal.subscribe(ECHO, { input: { prompt: "an owl" } });
  await made.fal.close();
  expect(lines().map(({ write }) => write)).toEqual(["completed"]);
  made.broken.clear();
  await made.fal.calls.rescue();
  const [call] = await made.memory.calls.list({ requestId });
  expect(call).toMatchObject({ state: "completed", cost: { source: "measured", nanoUsd: 10_000_000 } });
});

test("facts of one call reach the store in their order, whichever write fails", async () => {
  const made = world();
  made.broken.add("submitted");
  const { requestId } = await made.fal.subscribe(ECHO, { input });
  await made.fal.close();
  expect(lines().map(({ write }) => write)).toEqual(["submitted", "completed", "charged"]);
  expect((await made.memory.calls.list())[0]).toMatchObject({ state: "intended", ticket: undefined });

  made.broken.clear();
  expect(await made.fal.calls.rescue()).toEqual({ file, restored: 3, left: [] });
  expect((await made.memory.calls.list())[0]).toMatchObject({ state: "completed", ticket: { requestId } });
});

test.each([
  [
    "ambiguous",
    instead("submit", () => networkError("ECONNRESET")),
    { code: "ambiguous_submit" },
    "ambiguous",
  ],
  [
    "failed",
    instead("result", () =>
      Response.json({ detail: [{ loc: ["body"], msg: "no", type: "refused" }] }, { status: 422 }),
    ),
    { status: 422 },
    "failed",
  ],
] as const)(
  "a call whose end (%s) cannot be written rejects with its own error",
  async (name, wire, error, state) => {
    const made = world({ wire, ambiguousSubmit: "throw" });
    made.broken.add(name);
    expect(await failureOf(made.fal.subscribe(ECHO, { input }))).toMatchObject(error);
    await made.fal.close();
    expect(lines()[0]).toMatchObject({ write: name });
    expect(await failureOf(made.fal.subscribe(ECHO, { input }))).toMatchObject({ code: "store" });
    made.broken.clear();
    await made.fal.calls.rescue();
    expect((await made.memory.calls.list())[0]).toMatchObject({ state });
  },
);

test("giving up is noted too, and what was cancelled in time is not billed", async () => {
  const gone = instead("cancel", () => Response.json({ status: "OK" }), 1);
  const made = world({ wire: gone, emulator: { concurrency: 1, models: [echo({ seconds: 3_600 })] } });
  const first = made.fal.subscribe(ECHO, { input });
  await first.submitted;
  made.broken.add("givenUp").add("charged");
  const call = made.fal.subscribe(ECHO, { input });
  await call.submitted;
  expect(await call.cancel()).toBe("in-time");
  await failureOf(call);
  await first.cancel();
  await failureOf(first);
  await made.fal.close();
  expect(lines().map(({ write }) => write)).toEqual(["givenUp", "charged", "givenUp", "charged"]);
  made.broken.clear();
  await made.fal.calls.rescue();
  const [inTime, ran] = await made.memory.calls.list();
  expect(inTime).toMatchObject({ state: "given-up", cost: { source: "measured", nanoUsd: 0 } });
  expect(ran).toMatchObject({ state: "given-up", cost: { source: "unknown", reason: "failed" } });
});

test("what a store can never hold is not owed: the call is completed without it, and the next one is paid", async () => {
  const made = world();
  made.holds.most = 1_000;
  const text = "x".repeat(5_000);
  const { data, requestId } = await made.fal.subscribe(ECHO, { input: { text } });
  expect(data).toEqual({ echo: { text } });
  await made.fal.close();
  const [call] = await made.memory.calls.list();
  expect(call).toMatchObject({ state: "completed", ticket: { requestId }, cost: { nanoUsd: 10_000_000 } });
  expect(call?.outcome?.data).toBeUndefined();
  expect(made.logged.join()).toContain(`cannot hold "completed" of call ${call?.id}, and is told less.`);

  await made.fal.subscribe(ECHO, { input });
  expect(posts(made)).toBe(2);
  expect((await made.fal.costs()).total).toMatchObject({ calls: 2, nanoUsd: 20_000_000 });
  // fal still has it.
  expect((await made.fal.calls.collect(call?.id ?? "")).data).toEqual(data);

  // It is in the file too, and stays there: what is completed is not completed again.
  expect(lines().map(({ write, what }) => [write, what.data])).toEqual([["completed", data]]);
  const why = expect.stringContaining("without its result");
  expect(await made.fal.calls.rescue()).toMatchObject({ restored: 0, left: [{ why }] });
  expect(lines()).toHaveLength(1);
});

test("what was owed while the store was away, and turns out to be what it can never hold, is told without it", async () => {
  const made = world();
  made.broken.add("submitted").add("completed");
  const text = "x".repeat(5_000);
  await made.fal.subscribe(ECHO, { input: { text } });
  made.holds.most = 1_000;
  made.broken.clear();
  await made.fal.subscribe(ECHO, { input });
  await made.fal.close();
  expect(posts(made)).toBe(2);
  const calls = await made.memory.calls.list();
  expect(calls.map(({ state }) => state)).toEqual(["completed", "completed"]);
});

test("errors, doubts and costs that a store cannot hold are cut down to what it can", async () => {
  const long = `${"x".repeat(3_000)}\0`;
  const wire: Wire = instead("result", () =>
    json({ detail: [{ msg: long, type: "a", loc: [] }] }, { status: 422 }),
  );
  const made = world({ wire });
  made.holds.most = 2_500;
  await failureOf(made.fal.subscribe(ECHO, { input }));
  await made.fal.close();
  const [call] = await made.memory.calls.list();
  expect(call).toMatchObject({ state: "failed", error: { name: "ValidationError", code: "validation" } });
  expect(call?.error?.message).toMatch(/^acme\/echo: x{900}/);
  made.holds.most = 10;
  await made.fal.subscribe(ECHO, { input }).then(undefined, () => {});
  await made.fal.close();
  expect(posts(made)).toBe(2);
});

test("calls in parallel are all delivered, and all owed", async () => {
  const made = world();
  made.broken.add("completed");
  const results = await Promise.all([1, 2, 3].map((n) => made.fal.subscribe(ECHO, { input: { n } })));
  expect(results.map(({ data }) => data)).toEqual([1, 2, 3].map((n) => ({ echo: { n } })));
  await made.fal.close();
  expect(lines().filter(({ write }) => write === "completed")).toHaveLength(3);

  made.broken.clear();
  await Promise.all([4, 5].map((n) => made.fal.subscribe(ECHO, { input: { n } })));
  await made.fal.close();
  expect((await made.memory.calls.list()).map(({ state }) => state)).toEqual(Array(5).fill("completed"));
  expect(existsSync(file)).toBe(false);
});

test("that a request belongs to another call is no failure of the store", async () => {
  const same = Response.json({ request_id: "r1" });
  const made = world({ wire: instead("submit", () => same.clone(), 2) });
  const calls = [1, 2].map((n) => failureOf(made.fal.subscribe(ECHO, { input: { n }, mode: "polling" })));
  await Promise.all(calls);
  await made.fal.close();
  expect(existsSync(file)).toBe(false);
  expect(made.logged).toEqual([expect.stringContaining("belongs to another call")]);
});

test("what is owed is claimed: equal lost calls do not adopt one request twice", async () => {
  const made = world({ wire: losing("submit"), emulator: { history: { lagMs: 0 } } });
  made.broken.add("submitted");
  const ends = await Promise.allSettled([1, 2].map(() => made.fal.subscribe(ECHO, { input })));
  const ids = ends.map((end) => (end.status === "fulfilled" ? end.value.requestId : end.reason.code));
  expect(new Set(ids).size).toBe(2);
  await made.fal.close();
});

/** Where a rescue file goes whose own place takes nothing. */
const elsewhere = () => ({
  XDG_DATA_HOME: join(dir, String(round), "data"),
  TMPDIR: join(dir, String(round), "tmp"),
});

test("a rescue file whose place takes nothing is kept elsewhere, and is found there", async () => {
  mkdirSync(file, { recursive: true });
  const env = { ...ENV, ...elsewhere() };
  const made = world({ env });
  made.broken.add("completed");
  const { data, requestId } = await made.fal.subscribe(ECHO, { input });
  await made.fal.close();
  expect(made.logged[0]).toMatch(
    /could not be kept in .*rescue\.jsonl \(EISDIR.*so it is kept in (\S+)\. No further/,
  );
  const [, other = ""] = /so it is kept in (\S+)\. No/.exec(made.logged[0] ?? "") ?? [];
  expect(other.startsWith(env.XDG_DATA_HOME)).toBe(true);
  expect(statSync(other).mode & 0o777).toBe(0o600);
  expect(String(await failureOf(made.fal.subscribe(ECHO, { input })))).toContain(other);

  // Another process does not know where it went.
  made.broken.clear();
  rmSync(file, { recursive: true });
  const later = setup({ store: made.store, env });
  expect(await later.fal.calls.rescue()).toMatchObject({ restored: 2, left: [] });
  expect((await made.memory.calls.list({ requestId }))[0]).toMatchObject({
    state: "completed",
    outcome: { data },
  });
  expect(existsSync(other)).toBe(false);
});

test("what no file takes is tried once more when the client is closed", async () => {
  mkdirSync(file, { recursive: true });
  const env = { ...ENV, XDG_DATA_HOME: join(file, "none\0"), TMPDIR: join(file, "none\0") };
  const made = world({ env });
  made.broken.add("completed").add("charged");
  await made.fal.subscribe(ECHO, { input });
  rmSync(file, { recursive: true });
  await made.fal.close();
  expect(lines().map(({ write }) => write)).toEqual(["completed", "charged"]);
});

test("processes that share a rescue file read it back at once without a word, and lose none of it", async () => {
  const made = world();
  made.broken.add("completed");
  await Promise.all([1, 2, 3].map((n) => made.fal.subscribe(ECHO, { input: { n } })));
  await made.fal.close();
  made.broken.clear();
  const kept = lines().length;
  const others = Array.from({ length: 6 }, () => setup({ store: made.store, env: ENV }));
  const rescued = await Promise.all(others.map(({ fal }) => fal.calls.rescue()));
  expect(rescued.flatMap(({ left }) => left)).toEqual([]);
  expect(rescued.reduce((sum, { restored }) => sum + restored, 0)).toBe(kept);
  expect((await made.memory.calls.list()).map(({ state }) => state)).toEqual(Array(3).fill("completed"));
  expect(readdirSync(join(file, ".."))).toEqual([]);
});

test("a line that a full disk has cut short does not spoil the next one", async () => {
  const made = world();
  made.broken.add("completed");
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, '{"half', { mode: 0o600 });
  await made.fal.subscribe(ECHO, { input });
  await made.fal.close();
  made.broken.clear();
  expect(await made.fal.calls.rescue()).toMatchObject({ restored: 2, left: [{ line: '{"half' }] });
});

test("where not even the rescue file can be written, the handle is logged, without the payload", async () => {
  mkdirSync(file, { recursive: true });
  const made = world({ env: { ...ENV, XDG_DATA_HOME: join(file, "none\0"), TMPDIR: join(file, "none\0") } });
  made.broken.add("completed");
  const { data, requestId } = await made.fal.subscribe(ECHO, { input });
  await made.fal.close();
  expect(data).toEqual({ echo: input });
  expect(made.logged[0]).toContain(`request ${requestId}. It could not be kept in ${file} (EISDIR`);
  expect(made.logged[0]).toContain("either, so until one of them takes it this is the only note of it");
  expect(made.logged.join()).not.toContain("a fox");
  expect(await failureOf(made.fal.subscribe(ECHO, { input }))).toMatchObject({ code: "store" });
});

test("a store that keeps ids only has no payload in its rescue file either", async () => {
  const made = world({}, { keep: "ids" });
  made.broken.add("completed");
  await made.fal.subscribe(ECHO, { input });
  await made.fal.close();
  expect(lines()[0]).toMatchObject({ write: "completed", what: { data: null, units: 1 } });
  expect(readFileSync(file, "utf8")).not.toContain("a fox");
});

test("a store in memory needs no file", async () => {
  const made = world({}, { durable: false });
  made.broken.add("completed");
  await made.fal.subscribe(ECHO, { input });
  await made.fal.close();
  expect(existsSync(file)).toBe(false);
  expect(await failureOf(made.fal.subscribe(ECHO, { input }))).toMatchObject({ code: "store" });
  made.broken.clear();
  await made.fal.subscribe(ECHO, { input });
});

test("reading a file back keeps what the store does not take, and goes on with what was cut short", async () => {
  const made = world();
  made.broken.add("completed");
  await made.fal.subscribe(ECHO, { input });
  await made.fal.close();
  const [completed = "", charged = ""] = readFileSync(file, "utf8").trimEnd().split("\n");
  const stranger = completed.replace(/"call":"[^"]+"/, '"call":"nobody"');
  writeFileSync(`${file}.reading`, `${completed}\n${charged}\n`);
  writeFileSync(file, `${completed}\n${stranger}\n{"half`);

  made.broken.clear();
  const first = await made.fal.calls.rescue();
  expect(first).toMatchObject({
    restored: 3,
    left: [
      { line: stranger, why: expect.stringContaining("has no call nobody") },
      { line: '{"half', why: "it is no line of a rescue file" },
    ],
  });
  expect(readFileSync(file, "utf8")).toBe(`${stranger}\n{"half\n`);
  expect((await made.memory.calls.list())[0]).toMatchObject({
    state: "completed",
    cost: { source: "measured" },
  });
  expect(await made.fal.calls.rescue()).toMatchObject({ restored: 0, left: [{}, {}] });
  expect(readdirSync(join(file, ".."))).toEqual(["calls.db.rescue.jsonl"]);
});

test("the file is beside a SQLite file, else where the environment or the caller says", async () => {
  const places = [
    { options: {}, place: file },
    { options: { rescueFile: join(dir, "mine.jsonl") }, place: join(dir, "mine.jsonl") },
    {
      options: { env: { FAL_KEY: `id:${SECRET}`, FAL_CHAIN_RESCUE: join(dir, "env.jsonl") } },
      place: join(dir, "env.jsonl"),
    },
  ];
  for (const { options, place } of places) {
    const made = world(options);
    made.broken.add("completed");
    await made.fal.subscribe(ECHO, { input });
    await made.fal.close();
    expect(readFileSync(place, "utf8")).toContain('"write":"completed"');
  }
  const { store } = brittle();
  const elsewhere = {
    ...store,
    name: "postgres:db/fal",
    calls: { ...store.calls, completed: () => Promise.reject(new Error("gone")) },
  };
  const { fal } = setup({
    store: elsewhere,
    env: { FAL_KEY: `id:${SECRET}`, XDG_DATA_HOME: dir },
    logger: { warn() {} },
  });
  await fal.subscribe(ECHO, { input });
  await fal.close();
  expect(existsSync(join(dir, "fal-chain", "rescue.jsonl"))).toBe(true);
});
