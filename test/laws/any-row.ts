import { FalError, type Store } from "fal-chain";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ECHO, setup } from "../support/setup.ts";
import type { World } from "./real-time.ts";

/** A durable store, and a way round it. */
export interface Opened {
  readonly store: Store;
  /** @throws where the database does not take it. */
  sql(statement: string, ...values: readonly (string | number | bigint | null)[]): Promise<void>;
  /** What stands before a table's name. */
  readonly prefix: string;
}

const COLUMNS = {
  calls: [
    ...[
      "endpoint",
      "body",
      "queue",
      "tags",
      "chain",
      "run",
      "step",
      "key",
      "job_id",
      "app",
      "user_tags",
      "state",
    ],
    ...[
      "request_id",
      "ticket",
      "data",
      "units",
      "wait_seconds",
      "run_seconds",
      "error",
      "billed",
      "doubt",
      "given_up",
    ],
    ...[
      "cost",
      "cost_source",
      "cost_nano",
      "cost_reason",
      "unused",
      "reuses",
      "intended_at",
      "submitted_at",
      "ended_at",
      "content",
      "reuse_of",
      "saved_nano",
      "markup",
    ],
  ],
  runs: [
    ...[
      "input",
      "tags",
      "budget",
      "started_for",
      "state",
      "output",
      "error",
      "failed_keys",
      "epoch",
      "owner",
    ],
    ...["lease_until", "cancel_reason", "started_at", "ended_at", "next_event"],
  ],
  steps: ["key", "name", "value", "error", "at"],
  events: ["event"],
  budgets: ["charged", "reserved"],
  reservations: ["nano"],
} as const;

const places = Object.entries(COLUMNS).flatMap(([table, columns]) =>
  columns.map((column) => ({ table, column })),
);

const VALUES = [
  ...[
    "",
    "not json",
    "{",
    "null",
    "[]",
    "{}",
    '"x"',
    "1",
    "true",
    "\u{1f98a}",
    "-1",
    "NaN",
    "1e308",
    "Infinity",
  ],
  ...['{"source":"measured","nanoUsd":1e300}', '{"source":"free"}', '{"endpoint":1,"requestId":"a/../b"}'],
  ...[
    '{"within":1}',
    '{"within":[null]}',
    '{"root":[]}',
    '{"pid":"1"}',
    '{"code":1,"message":2}',
    '[{"a":1}]',
  ],
  ...['{"type":"call"}', '{"type":"completed"}', '{"type":"call","call":{},"event":{"type":"completed"}}'],
  ...["[".repeat(20_000) + "]".repeat(20_000), "x".repeat(3_000)],
  ...[9_223_372_036_854_775_807n, -9_223_372_036_854_775_808n, 9_007_199_254_740_993n, -1, 1.5, 1e308, 1e20],
  null,
] as const;

/** Whatever a row holds that somebody has put there, its neighbours are read, summed and gone on with. */
export function readsAnyRow(
  name: string,
  open: () => Promise<Opened>,
  numRuns: number,
  make: World = setup,
): void {
  test(`with a store in ${name}`, { timeout: 10_000 + numRuns * 5_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(...places), fc.constantFrom(...VALUES)), {
          minLength: 1,
          maxLength: 3,
        }),
        async (changes) => {
          const opened = await open();
          const world = await ledgerOf(opened, make);
          for (const [{ table, column }, value] of changes) {
            const where = table === "calls" ? `where id <> '${world.untouched}'` : "";
            // A database has its own mind about what fits a column.
            await opened
              .sql(`update ${opened.prefix}${table} set ${column} = $1 ${where}`, value)
              .catch(() => {});
          }
          await world.goesOn(changes.some(([{ table }]) => table === "budgets"));
          await opened.store.close();
        },
      ),
      { numRuns },
    );
  });
}

/** A ledger with a call of its own, a run that failed and one that completed; all but the first call may be tampered with. */
async function ledgerOf({ store }: Opened, make: World) {
  const { fal, emulator } = make({
    store,
    logger: { warn: () => {} },
    budget: { usd: 100, per: "hour" },
  });
  let hasBug = true;
  const chain = fal.chain("poster", async (input: { n: number }, run) => {
    const { data } = await run.subscribe(ECHO, { input });
    await run.step("memo", () => ({ n: 1 }));
    if (hasBug && input.n === 1) throw new Error("a bug");
    return data;
  });
  const first = await fal.subscribe(ECHO, { input: { first: true } });
  await fal.subscribe(ECHO, { input: {}, tags: { customer: "acme" } });
  await chain.start({ n: 0 }, { id: "completed" });
  await chain.start({ n: 1 }, { id: "failed", budget: { usd: 5 } }).then(
    () => {},
    () => {},
  );
  await fal.close();
  const [before] = await fal.calls.list({ requestId: first.requestId });
  hasBug = false;

  const ended = async (ending: PromiseLike<unknown>) => {
    const error = await Promise.resolve(ending).then(
      () => undefined,
      (error: unknown) => error,
    );
    // A failure that was recorded is thrown again as what it was.
    if (error !== undefined && !(error instanceof FalError)) expect(String(error)).toContain("a bug");
  };

  return {
    untouched: before?.id,
    async goesOn(isBudgetOdd: boolean) {
      const calls = await fal.calls.list();
      expect(calls).toHaveLength(4);
      expect(calls).toContainEqual(before);
      for (const call of calls) expect(new Date(call.intendedAt).getTime()).not.toBeNaN();
      for (const by of ["endpoint", "day", "hour", "run", "step", "tag:customer"] as const) {
        const { total, rows } = await fal.costs({ by: [by] });
        expect(total.calls).toBe(4);
        expect(total.nanoUsd).toBeGreaterThanOrEqual(10_000_000);
        expect(rows.reduce((sum, row) => sum + row.nanoUsd, 0)).toBe(total.nanoUsd);
        for (const figure of [
          total.waitSeconds,
          total.runSeconds,
          total.runnerSeconds,
          total.reuse.savedNanoUsd,
        ]) {
          expect(figure).toBeTypeOf("number");
          expect(figure).not.toBeNaN();
        }
      }
      for (const { chain: of, id } of await fal.runs.list()) {
        await fal.runs.get(of, id);
        await fal.runs.steps(of, id);
        await fal.runs.parts(of, id);
      }
      for (const run of await fal.runs.resumeAll()) await ended(run);
      for (const id of ["failed", "completed"]) await ended(chain.resume(id));
      const jobs = emulator.jobs.length;
      const next = [chain.start({ n: 2 }, { id: "another" }), fal.subscribe(ECHO, { input: { next: true } })];
      await Promise.all(next.map((one) => (isBudgetOdd ? ended(one) : one)));
      if (!isBudgetOdd) expect(emulator.jobs.length).toBe(jobs + 2);
      await fal.close();
    },
  };
}
