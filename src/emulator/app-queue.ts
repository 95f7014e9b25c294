import { type HostedApp, pathInApp } from "../gateway/app.ts";
import { type AttemptEnd, attempt } from "../gateway/attempt.ts";
import type { Seat } from "../gateway/fleet.ts";
import { headersForRunner } from "../gateway/headers.ts";
import { requeueDelayMs, retriesOf, verdictOf } from "../gateway/retries.ts";
import { answerOutcome, breakageOutcome } from "./app-outcomes.ts";
import { watchDeadline } from "./deadline.ts";
import type { Job, Outcome } from "./job.ts";
import { joinFirst, next, notify } from "./lane.ts";
import { cancelledOutcome } from "./outcomes.ts";
import { ADDED_HEADER_BYTES, passOn } from "./pass-on.ts";
import { complete, laneOf, log, type Requests, start, track } from "./requests.ts";

/** Where the requests are that runners work on. */
const seats = new WeakMap<Job, Seat>();

/** Gives the requests that wait for an app to those of its runners that have room. */
export function dispatch(requests: Requests, app: HostedApp): void {
  const lane = laneOf(requests, { app: app.id, account: app.owner });
  while (!requests.closed) {
    const job = next(lane);
    const seat = job && app.fleet.seat(job.requestId, job.headers["x-fal-runner-hint"]);
    if (!seat) return;
    start(job, lane, requests.clock.now());
    track(requests, serve(requests, app, job, seat));
  }
}

async function serve(requests: Requests, app: HostedApp, job: Job, seat: Seat): Promise<void> {
  const { clock } = requests;
  const startedAt = clock.now();
  seats.set(job, seat);
  const end = await attempt(seat.runner, requestFor(job, app), {
    clock,
    requestTimeoutMs: app.requestTimeoutMs,
    addedHeaderBytes: ADDED_HEADER_BYTES,
    ...(job.direct && { passOn: passOn(job, app, seat.runner.jobId) }),
  });
  seats.delete(job);
  const retries = retriesOf(job.headers, app.retries, {
    queued: job.direct === undefined,
    byOwner: job.account === app.owner,
  });
  const before = job.attempts.flatMap(({ retry }) => retry ?? []);
  const { retry, runner } = verdictOf(end, before, retries);
  const isAgain = retry !== undefined && !job.cancelled;
  job.attempts.push({
    jobId: seat.runner.jobId,
    startedAt,
    endedAt: clock.now(),
    ending: end.ending,
    ...(isAgain && { retry }),
  });
  // What the end of the emulator broke off is for its next life.
  if (requests.closed) return;
  if (isAgain) track(requests, requeue(requests, app, job, describe(end)));
  else complete(requests, job, outcomeOf(end, job, app, seat.runner.jobId));
  seat.release(runner, hintsIn(end));
}

function outcomeOf(end: AttemptEnd, job: Job, app: HostedApp, jobId: string): Outcome {
  if ("body" in end) return answerOutcome(end, job, app, jobId);
  return job.cancelled ? cancelledOutcome(job.cancelled) : breakageOutcome(end, job, jobId);
}

const describe = (end: AttemptEnd): string => ("body" in end ? `status ${end.ending}` : end.why);

/** Back into the queue, before those that have not had a runner yet, once it has waited. */
async function requeue(requests: Requests, app: HostedApp, job: Job, why: string): Promise<void> {
  const { clock, timeScale } = requests;
  log(job, `Attempt ${job.attempts.length} ended: ${why}. The request is queued again.`, clock.now());
  job.state = "IN_QUEUE";
  delete job.startedAt;
  notify(job);
  if (job.startWithinMs !== undefined) {
    watchDeadline(requests, job, job.submittedAt + job.startWithinMs - clock.now());
  }
  const delayMs = timeScale * requeueDelayMs(job.attempts.length);
  await clock.sleep(delayMs, job.stop.signal).catch(() => {}); // it has ended, or the emulator has
  if (job.state !== "IN_QUEUE" || requests.closed) return;
  joinFirst(laneOf(requests, job), job);
  dispatch(requests, app);
}

const encoder = new TextEncoder();

function requestFor(job: Job, app: HostedApp): Request {
  const { method = "POST", search = "", body = encoder.encode(job.text ?? "") } = job.direct ?? {};
  const hasBody = method !== "GET" && method !== "HEAD";
  return new Request(`http://runner${pathInApp(job.endpoint, app)}${search}`, {
    method,
    headers: headersForRunner({ ...job, owner: app.owner }),
    ...(hasBody && { body }),
    redirect: "manual",
  });
}

/** How long the app may take to say that it has heard. Nobody waits for it. */
const CANCEL_WITHIN_MS = 15_000;

/** Asks the app to stop work on a request; without such a route it runs on, as on fal. */
export function cancelAtRunner(requests: Requests, app: HostedApp, job: Job): void {
  const seat = seats.get(job);
  if (!seat) return;
  const path = pathInApp(job.endpoint, app).replace(/\/$/, "");
  const headers = headersForRunner({ ...job, owner: app.owner });
  headers.delete("content-type");
  const asked = attempt(
    seat.runner,
    new Request(`http://runner${path}/cancel`, { method: "POST", headers }),
    {
      clock: requests.clock,
      requestTimeoutMs: CANCEL_WITHIN_MS,
      addedHeaderBytes: 0,
    },
  );
  track(
    requests,
    asked.then(() => {}),
  );
}

/** fal reads them as a list with commas, in latin-1, as all headers are. */
const hintsIn = (end: AttemptEnd): readonly string[] =>
  "body" in end
    ? (end.headers.get("x-fal-runner-hints") ?? "")
        .split(",")
        .map((hint) => hint.trim())
        .filter(Boolean)
    : [];
