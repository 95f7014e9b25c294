import type { Model } from "../model/model.ts";
import type { Job } from "./job.ts";
import { jsonOfBody } from "./outcomes.ts";

/** In what an account's request history falls short of the best one there could be. */
export interface HistorySwitches {
  /** A request shows up only so long after it was sent, in milliseconds. @default 0 */
  lagMs: number;
  /** Only requests that have ended show up. @default false */
  endedOnly: boolean;
  /** `json_input` holds the model's defaults besides what was sent. @default false */
  defaultsFilled: boolean;
  /** False: the account stores no payloads. @default true */
  payloads: boolean;
  /** A stream is listed under the path of its endpoint at which it was asked for. @default false */
  streamPaths: boolean;
  /** The key may not read history: 403. @default false */
  forbidden: boolean;
}

export const historySwitches = (wished: Partial<HistorySwitches> = {}): HistorySwitches => ({
  lagMs: 0,
  endedOnly: false,
  defaultsFilled: false,
  payloads: true,
  streamPaths: false,
  forbidden: false,
  ...wished,
});

export interface HistoryQuery {
  readonly account: string;
  readonly endpoints: readonly string[];
  /** When it was sent, in milliseconds: from, and up to but without. */
  readonly start: number;
  readonly end: number;
  readonly status?: "success" | "error" | "user_error" | undefined;
  readonly requestId?: string | undefined;
  readonly sortBy?: "ended_at" | "duration" | undefined;
  readonly payloads: boolean;
  /** Everything is told as it was then, so that pages do not shift while they are read. */
  readonly asOf: number;
}

/**
 * The requests that a query means, in its order: the latest first, or the longest. What fal sorts by when nothing is
 * said, and which time `start` and `end` compare, is not established: here it is the time of the send.
 */
export function select(
  jobs: Iterable<Job>,
  query: HistoryQuery,
  { lagMs, endedOnly, streamPaths }: HistorySwitches,
): Job[] {
  const { asOf, status } = query;
  const found = [...jobs].filter(
    (job) =>
      job.account === query.account &&
      query.endpoints.includes(listedAs(job, streamPaths)) &&
      job.submittedAt >= query.start &&
      job.submittedAt < query.end &&
      job.submittedAt + lagMs <= asOf &&
      (query.requestId ?? job.requestId) === job.requestId &&
      (!endedOnly || hasEnded(job, asOf)) &&
      (status === undefined || (hasEnded(job, asOf) && kindOf(job.outcome?.status) === status)),
  );
  found.reverse();
  const by = query.sortBy;
  if (!by) return found;
  const keys = new Map(found.map((job) => [job, sortKey(job, by, asOf)]));
  return found.sort((a, b) => (keys.get(b) ?? 0) - (keys.get(a) ?? 0));
}

const listedAs = ({ endpoint, direct }: Job, streamPaths: boolean): string =>
  streamPaths && direct?.onEvent && !direct.isRealtime ? `${endpoint}/stream` : endpoint;

const hasEnded = ({ completedAt }: Job, asOf: number): boolean =>
  completedAt !== undefined && completedAt <= asOf;

/** What has not ended is later than anything that has, and lasts longest. */
function sortKey(job: Job, by: "ended_at" | "duration", asOf: number): number {
  if (!hasEnded(job, asOf)) return Number.MAX_VALUE;
  return by === "ended_at" ? (job.completedAt ?? 0) : durationOf(job);
}

const durationOf = ({ startedAt, completedAt = 0 }: Job): number =>
  startedAt === undefined ? 0 : (completedAt - startedAt) / 1000;

function kindOf(status = 500): "success" | "error" | "user_error" {
  if (status < 400) return "success";
  return status < 500 ? "user_error" : "error";
}

/** One row, as the platform API words it. */
export function rowOf(
  job: Job,
  query: HistoryQuery,
  models: ReadonlyMap<string, Model>,
  switches: HistorySwitches,
): Record<string, unknown> {
  const ended = hasEnded(job, query.asOf);
  return {
    request_id: job.requestId,
    endpoint_id: listedAs(job, switches.streamPaths),
    // Always there, so what has not started says when it was sent.
    started_at: iso(job.startedAt ?? job.submittedAt),
    sent_at: iso(job.submittedAt),
    ...(ended && {
      ended_at: iso(job.completedAt ?? 0),
      status_code: job.outcome?.status,
      duration: durationOf(job),
    }),
    ...(query.payloads &&
      switches.payloads &&
      storesPayloads(job) &&
      payloadsOf(job, ended, models, switches)),
  };
}

const iso = (ms: number): string => new Date(ms).toISOString();

const storesPayloads = ({ headers, payload }: Job): boolean =>
  headers["x-fal-store-io"] !== "0" && payload === "held";

function payloadsOf(
  job: Job,
  ended: boolean,
  models: ReadonlyMap<string, Model>,
  { defaultsFilled }: HistorySwitches,
) {
  const input = defaultsFilled ? filled(job.input, models.get(job.endpoint)) : job.input;
  const hidden = isRecord(job.input) && job.input["sync_mode"] === true;
  return {
    json_input: input,
    // What came as a data URI is not kept.
    ...(ended && !hidden && job.outcome && { json_output: jsonOfBody(job.outcome) }),
  };
}

/** Fields that the model does not know stay. */
function filled(input: unknown, model: Model | undefined): unknown {
  const parsed = model?.input.safeParse(input);
  return parsed?.success && isRecord(input) && isRecord(parsed.data) ? { ...input, ...parsed.data } : input;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
