import { expect, test } from "vitest";
import { timeOf } from "../../src/base/time.ts";
import { InvalidArgumentError } from "../../src/errors/arguments.ts";

const NOW = Date.UTC(2026, 10, 27, 12);

test.each([
  ["2026", "2026-01-01T00:00:00.000Z"],
  ["2026-11", "2026-11-01T00:00:00.000Z"],
  ["2026-11-24", "2026-11-24T00:00:00.000Z"],
  // Such a time would be local to whoever runs the program, and on the day when clocks change there be none or two.
  ["2026-03-29T02:30", "2026-03-29T02:30:00.000Z"],
  ["2026-10-25 02:30:15", "2026-10-25T02:30:15.000Z"],
  ["2026-11-24T12:00:00.250", "2026-11-24T12:00:00.250Z"],
  ["2026-11-24T12:00Z", "2026-11-24T12:00:00.000Z"],
  ["2026-11-24T12:00:00+02:00", "2026-11-24T10:00:00.000Z"],
  [" 2d ", "2026-11-25T12:00:00.000Z"],
  ["30m", "2026-11-27T11:30:00.000Z"],
])("%s means the same everywhere", (text, iso) => {
  const { TZ } = process.env;
  try {
    for (const zone of ["UTC", "America/Los_Angeles", "Pacific/Kiritimati", "Europe/Berlin"]) {
      process.env["TZ"] = zone;
      expect(new Date(timeOf(text, NOW)).toISOString()).toBe(iso);
    }
  } finally {
    process.env["TZ"] = TZ;
    if (TZ === undefined) delete process.env["TZ"];
  }
});

test.each([
  "2026-13",
  "2026-02-30",
  "2026-02-30T10:00",
  "2026-11Z",
  "2026-11-24 12:00 PST",
  "11/24/2026",
  "2026-1",
  "24.11.2026",
  "",
  "x",
])("%o is no time", (text) => {
  expect(() => timeOf(text, NOW)).toThrow(InvalidArgumentError);
});

test("a date and a number are the moments that they are", () => {
  expect(timeOf(new Date(NOW), 0)).toBe(NOW);
  expect(timeOf(NOW, 0)).toBe(NOW);
  expect(() => timeOf(new Date(Number.NaN), 0)).toThrow("not a time");
});
