import type { CallFor, CallRecord, Outcome, Usage } from "../../journal/call.ts";
import type { RunRecord, StepRecord } from "../../journal/run.ts";
import type { CallFacts } from "../call-changes.ts";
import type { LeasedRun } from "../run-changes.ts";
import { indexed, isShortened } from "./names.ts";
import type { Row, Value } from "./work.ts";

/** In which columns each field of a record is kept. Rows, reports and filters are made from these tables. */

export type Columns = Record<string, Value>;

/** A field, which may be kept in several columns so that a database can look for parts of it. */
interface Field<T> {
  /** What is undefined is null. */
  write(value: T): Columns;
  read(row: Row): T;
}

/** A field that is kept in one. */
interface Column<T> extends Field<T> {
  readonly column: string;
}

type Fields<R> = { readonly [F in keyof R]-?: Field<R[F]> };

const plain = <T extends Value>(column: string): Column<T> => ({
  column,
  write: (value) => ({ [column]: value }),
  read: (row) => row[column] as T,
});

const optional = <T extends Value>(column: string): Column<T | undefined> => ({
  column,
  write: (value) => ({ [column]: value ?? null }),
  read: (row) => (row[column] ?? undefined) as T | undefined,
});

/** A name that is found by an index: the whole of a long one is kept beside what that holds. */
const name = <T extends string | undefined>(column: string): Column<T> => ({
  column,
  write(value) {
    if (value === undefined) return { [column]: null };
    const held = indexed(value);
    return isShortened(held) ? { [column]: held, [longOf(column)]: value } : { [column]: held };
  },
  read(row) {
    const held = row[column] ?? undefined;
    return (typeof held === "string" && isShortened(held) ? row[longOf(column)] : held) as T;
  },
});

export const longOf = (column: string): string => `${column}_long`;

const json = <T>(column: string): Column<T> => ({
  column,
  write: (value) => ({ [column]: value === undefined ? null : JSON.stringify(value) }),
  read: (row) => {
    const text = row[column];
    return typeof text === "string" ? JSON.parse(text) : undefined;
  },
});

/** The same, with columns that repeat parts of it. They are written only. */
const withParts = <T>(field: Field<T>, parts: (value: T) => Columns): Field<T> => ({
  write: (value) => ({ ...field.write(value), ...parts(value) }),
  read: field.read,
});

/** A field that is a record itself. */
const record = <R extends object>(fields: Fields<R>): Field<R> => ({
  write: (value) => columnsOf(fields, value),
  read: (row) => recordOf(fields, row),
});

/** Whom a call is for: what it is found and grouped by. */
export const FOR: { readonly [F in keyof CallFor]-?: Column<CallFor[F]> } = {
  chain: name("chain"),
  run: name("run"),
  step: optional("step"),
  jobId: optional("job_id"),
  app: optional("app"),
  request: optional("request"),
  rootRun: name("root_run"),
  rootJob: optional("root_job"),
  claimedRoot: optional("claimed_root"),
  tags: json("tags"),
  // As the JSON that it is also in reports: databases differ in how they look into one.
  userTags: json("user_tags"),
};

const USAGE: Fields<Usage> = {
  units: optional("units"),
  waitSeconds: optional("wait_seconds"),
  runSeconds: optional("run_seconds"),
};

const CALL: Fields<CallRecord> = {
  id: plain("id"),
  endpoint: plain("endpoint"),
  body: optional("body"),
  queue: plain("queue"),
  for: record(FOR),
  key: name("key"),
  state: plain("state"),
  ticket: withParts(json("ticket"), (ticket) => ({
    request_id: ticket ? indexed(ticket.requestId) : null,
  })),
  outcome: {
    write: (outcome) => ({ data: outcome ? JSON.stringify(outcome.data ?? null) : null }),
    read: (row): Outcome | undefined => {
      const data = row["data"];
      return typeof data === "string" ? { data: JSON.parse(data), ...recordOf(USAGE, row) } : undefined;
    },
  },
  usage: {
    write: (usage) =>
      columnsOf(USAGE, usage ?? { units: undefined, waitSeconds: undefined, runSeconds: undefined }),
    read: (row) => (row["state"] === "completed" ? recordOf(USAGE, row) : undefined),
  },
  error: withParts(json("error"), (error) => ({ billed: error ? String(error.billed) : null })),
  doubt: optional("doubt"),
  givenUp: optional("given_up"),
  cost: withParts(json("cost"), (cost) => ({
    cost_source: cost?.source ?? null,
    cost_nano: cost && "nanoUsd" in cost ? cost.nanoUsd : null,
    cost_reason: cost?.source === "unknown" ? cost.reason : null,
  })),
  unused: optional("unused"),
  reuses: plain("reuses"),
  intendedAt: plain("intended_at"),
  submittedAt: optional("submitted_at"),
  endedAt: optional("ended_at"),
};

/** Of a part of a call, or all of it. */
export const callColumns = (call: Partial<CallRecord>): Columns => columnsOf(CALL, call);
export const callOf = (row: Row): CallRecord => recordOf(CALL, row);

const { id, state, ticket, error, cost, reuses } = CALL;
const CALL_FACTS: Fields<CallFacts> = { id, state, ticket, error, cost, reuses };

/** The columns of `factsOf`: each has the name of its field. */
export const FACTS = Object.keys(CALL_FACTS).join(", ");
export const factsOf = (row: Row): CallFacts => recordOf(CALL_FACTS, row);

const RUN: Fields<RunRecord> = {
  chain: name("chain"),
  id: name("id"),
  input: optional("input"),
  tags: json("tags"),
  budget: json("budget"),
  startedFor: json("started_for"),
  state: plain("state"),
  output: optional("output"),
  error: json("error"),
  failedKeys: json("failed_keys"),
  epoch: plain("epoch"),
  owner: json("owner"),
  cancelReason: optional("cancel_reason"),
  startedAt: plain("started_at"),
  endedAt: optional("ended_at"),
};

/** What of a run never changes. */
type Fixed = "chain" | "id" | "input" | "tags" | "startedFor" | "startedAt";

/** What changes in a run's life. */
export function changingRunColumns({ run, leaseUntil }: LeasedRun): Columns {
  const { chain, id, input, tags, startedFor, startedAt, ...changing } = run;
  return { ...columnsOf<Omit<RunRecord, Fixed>>(RUN, changing), lease_until: leaseUntil };
}

export const newRunColumns = ({ run, leaseUntil }: LeasedRun): Columns => ({
  ...columnsOf(RUN, run),
  lease_until: leaseUntil,
  next_event: 0,
});

export const runOf = (row: Row): RunRecord => recordOf(RUN, row);

export const leasedOf = (row: Row): LeasedRun => ({
  run: runOf(row),
  leaseUntil: row["lease_until"] as number,
});

const STEP: Fields<StepRecord> = {
  key: name("key"),
  name: plain("name"),
  value: optional("value"),
  error: json("error"),
  at: plain("at"),
};

export const stepColumns = (step: StepRecord): Columns => columnsOf(STEP, step);
export const stepOf = (row: Row): StepRecord => recordOf(STEP, row);

function columnsOf<R extends object>(fields: Fields<R>, some: Partial<R>): Columns {
  const columns: Columns = {};
  for (const name of Object.keys(some) as (keyof R)[]) {
    Object.assign(columns, fields[name].write(some[name] as R[keyof R]));
  }
  return columns;
}

function recordOf<R extends object>(fields: Fields<R>, row: Row): R {
  const record: Partial<R> = {};
  for (const name of Object.keys(fields) as (keyof R)[]) record[name] = fields[name].read(row);
  return record as R;
}
