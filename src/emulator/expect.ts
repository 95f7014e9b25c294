import { AssertionError } from "node:assert";
import { isDeepStrictEqual } from "node:util";
import type { JobView } from "./job.ts";

/** What a test asks of an emulator when it is done. Each failure shows what was there instead. */
export interface Expectations {
  /**
   * That what is meant was accepted, and so would have been billed, exactly once.
   *
   * @param input Left out: that something was accepted, and no input twice by one endpoint.
   * @throws {AssertionError}
   */
  expectBilledOnce(input?: unknown, endpoint?: string): void;
  /**
   * That every accepted request, or every one of an endpoint, carried these tags as fal keeps them, and that there was one.
   *
   * @throws {AssertionError}
   */
  expectTagged(tags: Readonly<Record<string, string | number | boolean>>, endpoint?: string): void;
  /** That no accepted request waits or runs. @throws {AssertionError} */
  expectNothingUnderWay(): void;
}

/** @param jobs Those that there are when it is asked. */
export const expectations = (jobs: () => readonly JobView[]): Expectations => ({
  expectBilledOnce(input, endpoint) {
    const all = jobs();
    const of = all.filter((job) => endpoint === undefined || job.endpoint === endpoint);
    const meant = input === undefined ? of : of.filter((job) => isDeepStrictEqual(job.input, input));
    const what = input === undefined ? "something" : json(input);
    const where = endpoint === undefined ? "" : ` by ${endpoint}`;
    if (meant.length === 0) throw failed(`Nobody was asked for ${what}${where}.`, all, 0, 1);
    const twice = input === undefined ? repeated(meant) : meant.length > 1 ? meant : [];
    if (twice.length === 0) return;
    throw failed(
      `${json(twice[0]?.input)} was accepted ${twice.length} times${where}.`,
      all,
      twice.length,
      1,
    );
  },
  expectTagged(tags, endpoint) {
    const all = jobs();
    const meant = all.filter((job) => endpoint === undefined || job.endpoint === endpoint);
    const wanted = Object.fromEntries(Object.entries(tags).map(([key, value]) => [key, String(value)]));
    if (meant.length === 0) throw failed("Nothing was accepted that could have tags.", all, [], [wanted]);
    const has = (job: JobView) => Object.entries(wanted).every(([key, value]) => job.tags[key] === value);
    const without = meant.filter((job) => !has(job));
    if (without.length === 0) return;
    const count = `${without.length} of ${meant.length} accepted requests do not carry ${json(wanted)}.`;
    throw failed(count, without, without[0]?.tags, wanted);
  },
  expectNothingUnderWay() {
    const open = jobs().filter(({ state }) => state !== "COMPLETED");
    if (open.length > 0) throw failed(`${open.length} requests are still under way.`, open, open.length, 0);
  },
});

function repeated(jobs: readonly JobView[]): readonly JobView[] {
  const known: JobView[][] = [];
  for (const job of jobs) {
    const same = known.find(
      ([first]) => first?.endpoint === job.endpoint && isDeepStrictEqual(first.input, job.input),
    );
    if (same) same.push(job);
    else known.push([job]);
  }
  return known.find(({ length }) => length > 1) ?? [];
}

const MOST_SHOWN = 10;
const LONGEST = 200;

function failed(why: string, there: readonly JobView[], actual: unknown, expected: unknown): AssertionError {
  const lines = there.slice(0, MOST_SHOWN).map((job) => {
    const { requestId, endpoint, state, input, tags } = job;
    return `  ${requestId} ${endpoint} ${state} ${json(input)} ${json(tags)}`;
  });
  const more = there.length > MOST_SHOWN ? [`  and ${there.length - MOST_SHOWN} more`] : [];
  const what = there.length === 0 ? ["  nothing"] : lines;
  const message = [why, "What was accepted (id, endpoint, state, input, tags):", ...what, ...more].join("\n");
  return new AssertionError({ message, actual, expected, operator: "strictEqual" });
}

function json(value: unknown): string {
  const text = JSON.stringify(value) ?? "(dropped)";
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
