import type { RunRecord, StepRecord } from "../../journal/runs.ts";
import type { CallRecord, Outcome } from "../../journal/store.ts";
import type { CallFacts } from "../call-changes.ts";
import type { LeasedRun } from "../run-changes.ts";
import type { Row, Value } from "./work.ts";

/** Records to columns and back. */

export type Columns = Record<string, Value>;

const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));
const orNull = <T>(value: T | undefined): T | null => value ?? null;

// biome-ignore lint/suspicious/noExplicitAny: what was written as this type is read as it
const parsed = (value: Value | undefined): any => (typeof value === "string" ? JSON.parse(value) : undefined);
const text = (value: Value | undefined): string | undefined =>
  typeof value === "string" ? value : undefined;
const number = (value: Value | undefined): number | undefined =>
  typeof value === "number" ? value : undefined;

/** How each field of a call is written; what is undefined is null. */
const CALL: { [F in keyof CallRecord]-?: (value: CallRecord[F]) => Columns } = {
  id: (id) => ({ id }),
  endpoint: (endpoint) => ({ endpoint }),
  body: (body) => ({ body: orNull(body) }),
  tags: (tags) => ({ tags: json(tags) }),
  chain: (chain) => ({ chain: orNull(chain) }),
  run: (run) => ({ run: orNull(run) }),
  step: (step) => ({ step: orNull(step) }),
  key: (key) => ({ key: orNull(key) }),
  jobId: (jobId) => ({ job_id: orNull(jobId) }),
  app: (app) => ({ app: orNull(app) }),
  request: (request) => ({ request: orNull(request) }),
  rootRun: (run) => ({ root_run: orNull(run) }),
  rootJob: (job) => ({ root_job: orNull(job) }),
  claimedRoot: (root) => ({ claimed_root: orNull(root) }),
  userTags: (tags) => ({ user_tags: json(tags) }),
  state: (state) => ({ state }),
  ticket: (ticket) => ({ ticket: json(ticket), request_id: orNull(ticket?.requestId) }),
  outcome: (outcome) => ({ data: outcome ? json(outcome.data ?? null) : null }),
  usage: (usage) => ({
    units: orNull(usage?.units),
    wait_seconds: orNull(usage?.waitSeconds),
    run_seconds: orNull(usage?.runSeconds),
  }),
  error: (error) => ({ error: json(error), billed: error === undefined ? null : String(error.billed) }),
  note: (note) => ({ note: orNull(note) }),
  cost: (cost) => ({
    cost: json(cost),
    cost_source: orNull(cost?.source),
    cost_nano: cost && "nanoUsd" in cost ? cost.nanoUsd : null,
    cost_reason: cost?.source === "unknown" ? cost.reason : null,
  }),
  unused: (unused) => ({ unused: orNull(unused) }),
  reuses: (reuses) => ({ reuses }),
  intendedAt: (at) => ({ intended_at: at }),
  submittedAt: (at) => ({ submitted_at: orNull(at) }),
  endedAt: (at) => ({ ended_at: orNull(at) }),
};

export function callColumns(call: Partial<CallRecord>): Columns {
  const columns: Columns = {};
  for (const field of Object.keys(call) as (keyof CallRecord)[]) {
    const write = CALL[field] as (value: unknown) => Columns;
    Object.assign(columns, write(call[field]));
  }
  return columns;
}

export function callOf(row: Row): CallRecord {
  const state = row["state"] as CallRecord["state"];
  const usage = {
    units: number(row["units"]),
    waitSeconds: number(row["wait_seconds"]),
    runSeconds: number(row["run_seconds"]),
  };
  const data = text(row["data"]);
  const outcome: Outcome | undefined = data === undefined ? undefined : { data: JSON.parse(data), ...usage };
  return {
    id: row["id"] as string,
    endpoint: row["endpoint"] as string,
    body: text(row["body"]),
    tags: parsed(row["tags"]),
    chain: text(row["chain"]),
    run: text(row["run"]),
    step: text(row["step"]),
    key: text(row["key"]),
    jobId: text(row["job_id"]),
    app: text(row["app"]),
    request: text(row["request"]),
    rootRun: text(row["root_run"]),
    rootJob: text(row["root_job"]),
    claimedRoot: text(row["claimed_root"]),
    userTags: parsed(row["user_tags"]),
    state,
    ticket: parsed(row["ticket"]),
    outcome,
    usage: state === "completed" ? usage : undefined,
    error: parsed(row["error"]),
    note: text(row["note"]),
    cost: parsed(row["cost"]),
    unused: text(row["unused"]) as CallRecord["unused"],
    reuses: row["reuses"] as number,
    intendedAt: row["intended_at"] as number,
    submittedAt: number(row["submitted_at"]),
    endedAt: number(row["ended_at"]),
  };
}

/** The columns of `factsOf`. */
export const FACTS = "id, state, ticket, error, cost, reuses";

export const factsOf = (row: Row): CallFacts => ({
  id: row["id"] as string,
  state: row["state"] as CallRecord["state"],
  ticket: parsed(row["ticket"]),
  error: parsed(row["error"]),
  cost: parsed(row["cost"]),
  reuses: row["reuses"] as number,
});

/** What changes in a run's life. */
export const changingRunColumns = ({ run, leaseUntil }: LeasedRun): Columns => ({
  state: run.state,
  budget: orNull(run.budget),
  output: orNull(run.output),
  error: json(run.error),
  failed_key: orNull(run.failedKey),
  epoch: run.epoch,
  owner: json(run.owner),
  lease_until: leaseUntil,
  cancel_reason: orNull(run.cancelReason),
  ended_at: orNull(run.endedAt),
});

export const newRunColumns = (leased: LeasedRun): Columns => ({
  chain: leased.run.chain,
  id: leased.run.id,
  input: orNull(leased.run.input),
  tags: json(leased.run.tags),
  origin: orNull(leased.run.origin),
  started_at: leased.run.startedAt,
  next_event: 0,
  ...changingRunColumns(leased),
});

export const runOf = (row: Row): RunRecord => ({
  chain: row["chain"] as string,
  id: row["id"] as string,
  input: text(row["input"]),
  tags: parsed(row["tags"]),
  budget: text(row["budget"]),
  origin: text(row["origin"]),
  state: row["state"] as RunRecord["state"],
  output: text(row["output"]),
  error: parsed(row["error"]),
  failedKey: text(row["failed_key"]),
  epoch: row["epoch"] as number,
  owner: parsed(row["owner"]),
  cancelReason: text(row["cancel_reason"]),
  startedAt: row["started_at"] as number,
  endedAt: number(row["ended_at"]),
});

export const leasedOf = (row: Row): LeasedRun => ({
  run: runOf(row),
  leaseUntil: row["lease_until"] as number,
});

export const stepColumns = ({ key, name, value, error, at }: StepRecord): Columns => ({
  key,
  name,
  value: orNull(value),
  error: json(error),
  at,
});

export const stepOf = (row: Row): StepRecord => ({
  key: row["key"] as string,
  name: row["name"] as string,
  value: text(row["value"]),
  error: parsed(row["error"]),
  at: row["at"] as number,
});
