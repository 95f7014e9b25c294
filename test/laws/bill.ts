import { createFal, type Store } from "fal-chain";
import { type VirtualClock, virtualClock } from "fal-chain/emulator";
import fc from "fast-check";
import { expect } from "vitest";
import { intentOf } from "../support/intents.ts";
import { billing, type LiveBill, type LiveRow, liveBill, liveRow } from "../support/live-bill.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const BEGIN = Date.UTC(2026, 8, 20);

/** What happens to a ledger that two accounts share, and to their bills. */
const act = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant("call"), who: fc.nat(1), nano: fc.nat(2e9) }) },
  // A row of some call: all of its price, a part, or what is given back.
  {
    weight: 9,
    arbitrary: fc.record({
      what: fc.constant("row"),
      which: fc.nat(9),
      nano: fc.integer({ min: -5e8, max: 2e9 }),
      lateByHours: fc.nat(400),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("change"), which: fc.nat(9), nano: fc.nat(2e9) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant("wait"), hours: fc.nat(200) }) },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant("reconcile"), who: fc.nat(1), moves: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("close") }) },
);
type Act = typeof act extends fc.Arbitrary<infer A> ? A : never;

interface Call {
  readonly id: string;
  readonly who: number;
  readonly at: number;
  readonly nano: number;
}

/**
 * Law: what the ledger says that calls cost is what the rows of their accounts' bills add up to, however late, in parts,
 * changed or moved from page to page they come; and the sum of a closed month never changes.
 */
export async function ledgersAgree(fresh: (clock: VirtualClock) => Store, numRuns: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      fc.array(act, { minLength: 5, maxLength: 50, size: "max" }),
      fc.integer({ min: 1, max: 4 }),
      async (acts, pageRows) => {
        const world = await opened(fresh, pageRows);
        for (const one of acts) await world.take(one);
        await world.check();
      },
    ),
    { numRuns },
  );
}

async function opened(fresh: (clock: VirtualClock) => Store, pageRows: number) {
  const clock = virtualClock();
  await clock.advance(BEGIN - clock.now());
  const store = fresh(clock);
  const bills = ["acme", "globex"].map((account) =>
    liveBill({ account, keyIds: [`key-${account}`], pageRows }),
  );
  const accounts = bills.map((bill) =>
    createFal({
      env: { FAL_KEY: `key-${bill.account}:secret-${bill.account}` },
      ...{ clock, store },
      fetch: async (...given) =>
        billing(bill)(new Request(...given), async () => new Response("{}", { status: 404 })),
    }),
  );
  const calls: Call[] = [];
  const closed = new Map<string, string>();
  const rowsOf = (bill: LiveBill) => bill.rows as LiveRow[];

  async function call(who: number, nano: number): Promise<void> {
    const id = `call-${calls.length}`;
    const at = clock.now();
    const keyId = `key-${bills[who]?.account}`;
    await store.calls.intend(intentOf(id, { at, keyId }));
    await store.calls.submitted(
      id,
      { endpoint: "acme/echo", requestId: id, queue: "https://queue.fal.run" },
      at,
    );
    const outcome = { data: {}, units: 1, waitSeconds: undefined, runSeconds: undefined };
    await store.calls.completed(id, { ...outcome, cost: { source: "measured", nanoUsd: nano } }, at);
    calls.push({ id, who, at, nano });
  }

  function addRow(bill: LiveBill, { id }: Call, at: number, nano: number): void {
    const before = rowsOf(bill).filter((row) => row.request_id === id);
    // What is given back was paid before.
    const left = before.reduce((sum, { cost_total }) => sum + Math.round(cost_total * 1e9), 0);
    bill.rows = [...bill.rows, liveRow(id, at, Math.max(-left, nano) / 1e9)];
  }

  async function reconcile(who: number, moves: boolean): Promise<void> {
    const bill = bills[who] as LiveBill;
    let page = 0;
    // Rows of others come in while it is read.
    bill.beforePage = () => {
      if (moves && ++page <= 5) bill.rows = [...bill.rows, liveRow(`other-${page}`, clock.now(), 1)];
    };
    const { missing, unreadable } = (await accounts[who]?.reconcile({ since: BEGIN })) ?? {};
    bill.beforePage = undefined;
    bill.rows = bill.rows.filter((row) => !(row as LiveRow).request_id.startsWith("other-"));
    expect(unreadable).toEqual([]);
    const billed = new Set(rowsOf(bill).map((row) => row.request_id));
    for (const id of billed) {
      const rows = rowsOf(bill).filter((row) => row.request_id === id);
      const nanoUsd = rows.reduce((sum, { cost_total }) => sum + Math.round(cost_total * 1e9), 0);
      expect((await store.calls.get(id))?.cost).toMatchObject({ source: "invoiced", nanoUsd });
    }
    const due = calls.filter((call) => call.who === who && call.nano > 0 && !billed.has(call.id));
    const old = due.filter(({ at }) => clock.now() - at >= DAY_MS);
    expect(missing?.map(({ callId }) => callId).sort()).toEqual(old.map(({ id }) => id).sort());
  }

  async function close(): Promise<void> {
    const now = new Date(clock.now());
    const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1)).toISOString().slice(0, 7);
    const { sum } = (await accounts[0]?.costs.close(month)) ?? {};
    closed.set(month, closed.get(month) ?? sum?.usd.total ?? "");
  }

  return {
    async take(one: Act): Promise<void> {
      const which = "which" in one && calls.length > 0 ? calls[one.which % calls.length] : undefined;
      if (one.what === "call" && "who" in one && "nano" in one) await call(one.who, one.nano);
      else if (one.what === "wait" && "hours" in one) await clock.advance(one.hours * HOUR_MS);
      else if (one.what === "reconcile" && "moves" in one) await reconcile(one.who, one.moves);
      else if (one.what === "close") await close();
      else if (which && "lateByHours" in one) {
        const at = Math.min(clock.now(), which.at + one.lateByHours * HOUR_MS);
        addRow(bills[which.who] as LiveBill, which, at, one.nano);
      } else if (which && "nano" in one) {
        const bill = bills[which.who] as LiveBill;
        const first = rowsOf(bill).find((row) => row.request_id === which.id && row.cost_total > 0);
        const changed = first && { ...first, cost_total: first.cost_total + one.nano / 1e9 };
        bill.rows = bill.rows.map((row) => (row === first ? changed : row));
      }
    },
    async check(): Promise<void> {
      await clock.advance(1);
      for (const who of [0, 1]) await reconcile(who, false);
      const costOf = ({ id, who, nano }: Call): bigint => {
        const rows = rowsOf(bills[who] as LiveBill).filter((row) => row.request_id === id);
        return rows.length === 0
          ? BigInt(nano)
          : rows.reduce((sum, { cost_total }) => sum + BigInt(Math.round(cost_total * 1e9)), 0n);
      };
      const all = calls.reduce((sum, call) => sum + costOf(call), 0n);
      const { rows, total } = (await accounts[0]?.costs({ by: ["month"] })) ?? { rows: [], total: undefined };
      const nanoOf = (usd = "") => {
        const [, sign, whole = "", part = ""] = /^(-?)(\d+)\.(\d+)$/.exec(usd) ?? [];
        return BigInt(`${sign}${whole}${part.padEnd(9, "0")}`);
      };
      expect(nanoOf(total?.usd.total)).toBe(all);
      expect(rows.reduce((sum, { usd }) => sum + nanoOf(usd.total), 0n)).toBe(all);
      const now = await accounts[0]?.costs.closed();
      expect(now?.map(({ month, sum }) => [month, sum.usd.total])).toEqual([...closed].sort());
    },
  };
}
