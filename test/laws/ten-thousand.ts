import { isDeepStrictEqual } from "node:util";
import { AmbiguousSubmitError, type AmbiguousVerdict, FalError, type Store } from "fal-chain";
import { expect } from "vitest";
import { RATES } from "../support/rates.ts";
import { type Story, storm } from "../support/storm.ts";

// Laws 2, 3 and 4 in numbers: whatever goes wrong, nothing is paid twice, nothing paid is lost, nothing is left.

/** @param usual How many calls, where `FAULTY_CALLS` says nothing. */
export async function weathersAStorm(
  usual: number,
  open: (calls: number) => Store | Promise<Store>,
): Promise<void> {
  const calls = Number(process.env["FAULTY_CALLS"] ?? usual);
  const uncaught: unknown[] = [];
  const onRejection = (reason: unknown) => uncaught.push(reason);
  process.on("unhandledRejection", onRejection);
  const store = await open(calls);
  const { stories, faults, left, ...said } = await storm(store, calls, 1);
  // A date to come again at, without the server's own, is far by a clock that is wrong: that is said, and bounded.
  const warnings = said.warnings.filter((warning) => !warning.endsWith(" waits"));
  await store.close();
  process.off("unhandledRejection", onRejection);

  expect(stories.flatMap(complaint)).toEqual([]);
  expect({ uncaught, warnings, left }).toEqual({
    uncaught: [],
    warnings: [],
    left: { sleepers: 0, listeners: 0 },
  });
  // At once, or when it was collected afterwards.
  const had = stories.filter(({ result, records: [record] }) => result ?? record?.state === "completed");
  expect(had.length).toBeGreaterThan(calls * 0.88);
  if (calls < 1_000) return;
  // And it was a storm: everything that could happen did.
  const names = Object.values(RATES).flatMap((rates) => Object.keys(rates).map((text) => text.split(";")[0]));
  expect([...faults].toSorted()).toEqual([...new Set(names)].toSorted());
  const ambiguous = stories.filter(({ error }) => error instanceof AmbiguousSubmitError);
  expect(ambiguous.length).toBeGreaterThan(calls / 100);
}

function complaint(story: Story): string[] {
  const wrong = wrongAboutMoney(story) ?? (story.result ? wrongAboutResult(story) : wrongAboutError(story));
  return wrong === undefined ? [] : [`call ${story.n}: ${wrong} (${story.error})`];
}

function wrongAboutMoney({ jobs, records, givenUp }: Story): string | undefined {
  if (jobs.length > 1) return `it was paid for ${jobs.length} times`;
  // Given up while it waited for the network to be there.
  if (records.length === 0 && jobs.length === 0 && givenUp) return undefined;
  if (records.length !== 1) return `the store has it ${records.length} times`;
  const noted = records[0]?.ticket?.requestId;
  return noted === undefined || noted === jobs[0]?.requestId ? undefined : "the store has another request";
}

function wrongAboutResult({ n, jobs, records: [record], result }: Story): string | undefined {
  if (result?.requestId !== jobs[0]?.requestId) return "the result is of another request";
  if (!isDeepStrictEqual(result?.data, { echo: { n } })) return "the result is another one's";
  if (record?.state !== "completed" || !record.ticket) return `the store says ${record?.state}`;
  return isDeepStrictEqual(record.outcome?.data, result?.data) ? undefined : "the store has another result";
}

/** Whoever has no result has an error that is true, and that leads to the request if there is one. */
function wrongAboutError({ jobs: [job], records: [record], error, ...story }: Story): string | undefined {
  if (!(error instanceof FalError)) return "the error is none of ours";
  const isDoubtful = record?.state === "ambiguous";
  const { lagMs, payloads, forbidden } = story.history;
  switch (error.code) {
    case "ambiguous_submit": {
      if (!isDoubtful) return `the store says ${record?.state}`;
      const hiding: Partial<Record<AmbiguousVerdict, boolean>> = {
        unseen: lagMs > 60_000,
        // What lags that long may also be out of reach at the last look.
        unknown: forbidden || !payloads || lagMs > 60_000,
      };
      const { verdict } = error as AmbiguousSubmitError;
      return job && !hiding[verdict] ? `fal has it, history tells, and it is ${verdict}` : undefined;
    }
    case "aborted":
      if (!story.givenUp) return "nobody gave it up";
      return job && !record?.ticket && !isDoubtful
        ? `fal has it, and the store says ${record?.state}`
        : undefined;
    default: {
      // Somebody on the way said no; it was collected afterwards.
      if (record?.state === "completed") {
        return isDeepStrictEqual(record.outcome?.data, { echo: { n: story.n } })
          ? undefined
          : "it collected another's";
      }
      if (record?.state !== "failed") return `the store says ${record?.state}`;
      if (error.requestId !== job?.requestId) return "it does not name its request";
      const isHeld = job && job.error === undefined && payloads && !forbidden && lagMs < 60_000;
      return isHeld ? "fal has its result" : undefined;
    }
  }
}
