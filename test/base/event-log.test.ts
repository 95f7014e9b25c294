import fc from "fast-check";
import { expect, test } from "vitest";
import { eventLog } from "../../src/base/event-log.ts";
import { collect } from "../support/setup.ts";

interface Event {
  readonly n: number;
  readonly log: boolean;
  readonly dropped: number;
}
const log = (keep = 3) =>
  eventLog<Event>({
    keep,
    droppable: (event) => event.log,
    withDropped: (event, dropped) => ({ ...event, dropped }),
  });

test("whatever a reader misses are old log lines, in order, and what it is told of them adds up", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.boolean(), { maxLength: 40 }),
      fc.integer({ min: 1, max: 5 }),
      fc.nat(40),
      async (kinds, keep, read) => {
        const events = log(keep);
        const cursor = events.read();
        const seen: Event[] = [];
        for (const [n, isLog] of kinds.entries()) {
          events.push({ n, log: isLog, dropped: 0 });
          if (n === read) seen.push((await cursor.next()).value);
        }
        events.end();
        seen.push(...(await collect(cursor)).seen);
        const numbers = seen.map(({ n }) => n);
        expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
        const kept = new Set(numbers);
        const missed = kinds.flatMap((isLog, n) => (kept.has(n) ? [] : [{ n, isLog }]));
        expect(missed.every(({ isLog }) => isLog)).toBe(true);
        const lastLog = numbers.findLast((n) => kinds[n]) ?? -1;
        const told = seen.reduce((sum, { dropped }) => sum + dropped, 0);
        expect(told).toBe(missed.filter(({ n }) => n < lastLog).length);
      },
    ),
  );
});

test("a reader that waits is woken by an event, by the end, by a failure, and by its own return", async () => {
  const events = log();
  const [a, b] = [events.read(), events.read()];
  const next = a.next();
  events.push({ n: 0, log: false, dropped: 0 });
  expect((await next).value).toMatchObject({ n: 0 });
  const waiting = a.next();
  await a.return?.();
  expect(await waiting).toMatchObject({ done: true });
  events.fail("broken");
  expect(await collect(b)).toMatchObject({ seen: [{ n: 0 }], error: "broken" });
  expect((await collect(events.read(1))).error).toBe("broken");
});

test("nothing comes after the end", async () => {
  const events = log();
  events.end();
  events.push({ n: 1, log: false, dropped: 0 });
  events.fail("late");
  expect(await collect(events.read())).toEqual({ seen: [] });
});
