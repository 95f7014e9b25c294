import { memoryStore } from "fal-chain";
import { expect, test } from "vitest";
import { billing, liveBill, liveRow } from "../support/live-bill.ts";
import { echo } from "../support/models.ts";
import { ECHO, failureOf, setup } from "../support/setup.ts";

const DAY_MS = 86_400_000;

test("one month closed, and corrected by what comes later: it keeps its sum, and the next one has the rest", async () => {
  const bill = liveBill();
  const { fal, clock } = setup({
    store: memoryStore(),
    emulator: { models: [echo({ units: 3, price: 0.007 })] },
    wire: billing(bill),
  });
  const call = async () => (await fal.subscribe(ECHO, { input: {} })).requestId;
  // Three calls in the last days of a month.
  await clock.sleep(Date.UTC(2026, 9, 30) - clock.now());
  const ids = [await call(), await call(), await call()] as const;
  bill.rows = ids.slice(0, 2).map((id) => liveRow(id, clock.now(), 0.02));
  await clock.sleep(5 * DAY_MS);
  await fal.reconcile();
  const october = await fal.costs.close("2026-10");
  expect(october).toMatchObject({
    month: "2026-10",
    closedAt: clock.now(),
    sum: { nanoUsd: 61_000_000, bySource: { invoiced: 40_000_000, measured: 21_000_000 } },
    correctedSince: { count: 0, nanoUsd: 0 },
  });

  // The third comes late and cheaper, and a part of the first is given back.
  await call();
  bill.rows.push(liveRow(ids[2], clock.now() - 4 * DAY_MS, 0.019), liveRow(ids[0], clock.now(), -0.005));
  await fal.reconcile({ since: "2026-10" });

  expect(await fal.costs.closed()).toEqual([
    { ...october, correctedSince: { count: 2, nanoUsd: -7_000_000 } },
  ]);
  const { rows, total, closed } = await fal.costs({ by: ["month"] });
  expect(rows.map(({ key, nanoUsd }) => [key["month"], nanoUsd])).toEqual([
    ["2026-10", 61_000_000],
    ["2026-11", 21_000_000 - 7_000_000],
  ]);
  expect(closed).toEqual([{ month: "2026-10", closedAt: october.closedAt }]);
  expect(total).toMatchObject({ calls: 4, corrections: { count: 2, nanoUsd: -7_000_000 } });
  expect((await fal.costs({ since: "2026-11" })).closed).toEqual([]);
  // Closing it again changes nothing.
  expect((await fal.costs.close("2026-10")).sum).toEqual(october.sum);
});

test("a month that is not over, or is none, is not closed", async () => {
  const { fal, clock } = setup({ store: memoryStore() });
  await clock.sleep(Date.UTC(2026, 10, 30, 23, 59) - clock.now());
  expect(String(await failureOf(fal.costs.close("2026-11")))).toContain(
    "2026-11 is not over: it ends on 2026-12-01",
  );
  for (const month of ["November", "2026-13", "2026-11-01", ""]) {
    expect(String(await failureOf(fal.costs.close(month)))).toContain("is not a month. It reads 2026-10.");
  }
  expect(await fal.costs.closed()).toEqual([]);
});
