import type { JobView } from "../../emulator/index.ts";
import { seconds } from "../../terminal/text.ts";
import type { NumberedRunner } from "./view.ts";

/** What was there when it was looked at. */
export interface Sight {
  readonly runners: readonly NumberedRunner[];
  readonly requests: readonly JobView[];
}

/** What has happened between two looks, in a line each. */
export function changesBetween(before: Sight, after: Sight): readonly string[] {
  const runners = after.runners.flatMap((runner) => {
    const was = before.runners.find(({ number }) => number === runner.number);
    const isNew = was?.jobId !== runner.jobId;
    if (isNew && was && runner.lastEnd !== undefined) {
      return [`runner ${runner.number} of ${runner.app} ended (${runner.lastEnd}); a new one starts`];
    }
    return was?.state === runner.state || !TOLD.has(runner.state)
      ? []
      : [`runner ${runner.number} of ${runner.app} is ${runner.state}${whyOf(runner)}`];
  });
  const known = new Map(before.requests.map((job) => [job.requestId, job]));
  const requests = after.requests.flatMap((job) => {
    const was = known.get(job.requestId);
    if (job.state === "COMPLETED" && was?.state !== "COMPLETED") return [endOf(job)];
    const tries = job.attempts.length;
    if (tries === (was?.attempts.length ?? 0)) return [];
    return [
      `${nameOf(job)} is queued again after ${job.attempts.at(-1)?.ending}: attempt ${tries + 1} follows`,
    ];
  });
  return [...runners, ...requests];
}

/** States that come with every request are told by the request. */
const TOLD = new Set<string>(["CRASH_BACKOFF", "DRAINING"]);

const whyOf = ({ state, failedStarts, lastEnd }: NumberedRunner): string =>
  state === "CRASH_BACKOFF" ? `: start ${failedStarts} failed (${lastEnd})` : "";

const nameOf = ({ endpoint, requestId }: JobView): string => `${endpoint} ${requestId.slice(-8)}`;

function endOf(job: JobView): string {
  const { attempts, submittedAt, completedAt = submittedAt, billableUnits, result, error } = job;
  const tries = attempts.length > 1 ? ` at attempt ${attempts.length}` : "";
  const took = seconds((completedAt - submittedAt) / 1000);
  return `${nameOf(job)}: ${result?.status ?? ""}${tries} after ${took}, ${billableUnits ?? 0} units${error ? ` (${error})` : ""}`;
}
