import { expect, test } from "vitest";
import { invoicePage } from "../../src/report/index.ts";

const AT = Date.UTC(2026, 9, 5);

test("a page groups what is large, and has nothing that a reader's system could change", () => {
  const lines = [{ endpoint: "a/b", calls: 1_234_567, cents: 123_456_789 }];
  const invoice = {
    tags: {},
    since: 0,
    until: AT,
    currency: "USD",
    lines,
    totalCents: 123_456_789,
    notes: {} as never,
  } as const;
  const page = invoicePage({ invoice, from: undefined, to: "acme", number: undefined, issuedAt: AT });
  expect(page).toContain("1,234,567.89");
  expect(page).toContain(">1,234,567<");
  expect(page).toContain("size: A4");
  expect(page).not.toContain("prefers-color-scheme");
  expect(page).not.toMatch(/undefined|NaN/);
});
