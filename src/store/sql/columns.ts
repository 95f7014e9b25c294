import type { SavedError } from "../../errors/saved-error.ts";
import {
  CALL_STATES,
  type CallFor,
  type CallRecord,
  type Outcome,
  type PaidCall,
  type ReuseOf,
  type Ticket,
  type Usage,
} from "../../journal/call.ts";
import type { Kind } from "../../journal/kind.ts";
import {
  type ProcessIdentity,
  RUN_STATES,
  type RunRecord,
  type StartedFor,
  type StepRecord,
} from "../../journal/run.ts";
import type { Budget } from "../../money/budget.ts";
import { type Cost, isPlausible, savedNanoUsd } from "../../money/cost.ts";
import type { CallFacts } from "../call-changes.ts";
import type { LeasedRun } from "../run-changes.ts";
import {
  type Column,
  type Columns,
  columnsOf,
  type Fields,
  isNone,
  isPlain,
  isTexts,
  json,
  longOf,
  name,
  number,
  oneOf,
  optionalName,
  optionalNumber,
  optionalText,
  parsed,
  readWhole,
  record,
  recordOf,
  text,
  withParts,
} from "./fields.ts";
import { indexed } from "./names.ts";
import type { Row } from "./work.ts";

/** In which columns each field of a record is kept. Rows, reports and filters are made from these tables. */

/** What something failed with. */
const savedError = (name: string): Column<SavedError | undefined> =>
  json(
    name,
    (value) =>
      isNone(value) ||
      (isPlain(value) && typeof value["message"] === "string" && typeof value["code"] === "string"),
    ({ billed }): SavedError => ({
      name: "StoreError",
      code: "store",
      message: "What the store has of this failure cannot be read.",
      retryable: false,
      billed: billed === "true" || (billed !== "false" && "unknown"),
    }),
  );

/** Whom a call is for: what it is found and grouped by. */
export const FOR: { readonly [F in keyof CallFor]-?: Column<CallFor[F]> } = {
  chain: optionalName("chain"),
  run: optionalName("run"),
  step: optionalText("step"),
  jobId: optionalText("job_id"),
  app: optionalText("app"),
  request: optionalText("request"),
  caller: optionalText("caller"),
  rootRun: optionalName("root_run"),
  rootJob: optionalText("root_job"),
  claimedRoot: optionalText("claimed_root"),
  keyId: optionalText("key_id"),
  account: optionalText("account"),
  markup: optionalNumber("markup"),
  tags: json("tags", isTexts, () => ({})),
  // As the JSON that it is also in reports: databases differ in how they look into one.
  userTags: json("user_tags", isTexts, () => ({})),
};

/** All of them, with the whole of names that are too long for an index. */
export const FOR_COLUMNS = [
  ...Object.values(FOR).map(({ column }) => column),
  ...["chain", "run", "root_run"].map(longOf),
].join(", ");
const WHOSE = record<CallFor>(FOR);
export const paidCallOf = (row: Row): PaidCall => ({ id: String(row["id"]), for: WHOSE.read(row, () => {}) });

const USAGE: Fields<Usage> = {
  units: optionalNumber("units"),
  waitSeconds: optionalNumber("wait_seconds"),
  runSeconds: optionalNumber("run_seconds"),
};

/** As one that becomes a part of an address, however long. */
const isRequestId = (value: unknown): value is string =>
  typeof value === "string" && /^[\w.~-]+$/.test(value);

/** Its request is known from the column that is looked for, too. */
const TICKET = json<Ticket | undefined>(
  "ticket",
  (value) =>
    isNone(value) ||
    (isPlain(value) &&
      typeof value["endpoint"] === "string" &&
      typeof value["queue"] === "string" &&
      isRequestId(value["requestId"]) &&
      (isNone(value["links"]) || isTexts(value["links"]))),
  ({ request_id: requestId, endpoint, queue }) =>
    isRequestId(requestId) ? { endpoint: String(endpoint), requestId, queue: String(queue) } : undefined,
);

const COST = json<Cost | undefined>(
  "cost",
  (value) =>
    isNone(value) ||
    (isPlain(value) &&
      (value["source"] === "unknown"
        ? typeof value["reason"] === "string"
        : SOURCES.includes(value["source"]) && isPlausible(value["nanoUsd"])) &&
      ["unit", "account"].every((name) => isNone(value[name]) || typeof value[name] === "string") &&
      COST_FIGURES.every((name) => value[name] == null || typeof value[name] === "number")),
  () => ({ source: "unknown", reason: "implausible" }),
);
const COST_FIGURES = [
  "units",
  "unitPriceNanoUsd",
  "pricedAt",
  "measuredNanoUsd",
  "subtotalNanoUsd",
  "percentDiscount",
  "savedNanoUsd",
];
const SOURCES: readonly unknown[] = ["estimated", "measured", "invoiced"];

type ReadCall = Omit<CallRecord, "unreadable">;

/** The cost of a correction. */
export const correctionCost = (row: Row): Cost =>
  COST.read(row, () => {}) ?? { source: "unknown", reason: "implausible" };

const CALL: Fields<ReadCall> = {
  id: text("id"),
  endpoint: text("endpoint"),
  body: optionalText("body"),
  queue: text("queue"),
  for: record(FOR),
  key: optionalName("key"),
  // Of one that is in no state nobody knows whether fal has it.
  state: oneOf("state", CALL_STATES, "ambiguous"),
  ticket: withParts(TICKET, (ticket) => ({
    request_id: ticket ? indexed(ticket.requestId) : null,
  })),
  outcome: {
    // Without its data it says no more than the usage does.
    write: (outcome) => ({ data: outcome?.data === undefined ? null : JSON.stringify(outcome.data) }),
    read: (row, lost): Outcome | undefined => {
      const text = row["data"] ?? undefined;
      if (text === undefined) return undefined;
      const data = parsed(text);
      if (data !== undefined) return { data, ...recordOf(USAGE, row, lost) };
      lost("data");
      return undefined;
    },
  },
  usage: {
    write: (usage) =>
      columnsOf(USAGE, usage ?? { units: undefined, waitSeconds: undefined, runSeconds: undefined }),
    read: (row, lost) => (row["state"] === "completed" ? recordOf(USAGE, row, lost) : undefined),
  },
  error: withParts(savedError("error"), (error) => ({ billed: error ? String(error.billed) : null })),
  doubt: optionalText("doubt"),
  givenUp: optionalText("given_up"),
  cost: withParts(COST, (cost) => ({
    cost_source: cost?.source ?? null,
    cost_nano: cost && "nanoUsd" in cost ? cost.nanoUsd : null,
    cost_reason: cost?.source === "unknown" ? cost.reason : null,
    saved_nano: savedNanoUsd(cost) ?? null,
    // Whose bill it is on has paid.
    ...(cost?.source === "invoiced" && cost.account !== undefined && { account: cost.account }),
  })),
  unused: optionalText("unused"),
  kind: {
    write: (kind) => ({
      kind: kind?.name ?? null,
      amount: kind?.amount ?? null,
      characters: kind?.characters ?? null,
    }),
    read: (row): Kind | undefined => {
      const { kind: name, amount, characters } = row;
      return typeof name === "string"
        ? { name, amount: Number(amount ?? 1), characters: Number(characters ?? 0) }
        : undefined;
    },
  },
  reuses: number("reuses"),
  content: optionalText("content"),
  reuseOf: json<ReuseOf | undefined>("reuse_of", isReuseOf, () => undefined),
  intendedAt: number("intended_at"),
  refusedAt: optionalNumber("refused_at"),
  sentAgainAt: optionalNumber("sent_again_at"),
  submittedAt: optionalNumber("submitted_at"),
  endedAt: optionalNumber("ended_at"),
};

function isReuseOf(value: unknown): boolean {
  if (isNone(value)) return true;
  if (!isPlain(value) || typeof value["call"] !== "string") return false;
  const { requestId, rehosted } = value;
  return (isNone(requestId) || isRequestId(requestId)) && (isNone(rehosted) || isTexts(rehosted));
}

/** Of a part of a call, or all of it. */
export const callColumns = ({ unreadable, ...call }: Partial<CallRecord>): Columns => columnsOf(CALL, call);
export const callOf = (row: Row): CallRecord => readWhole(CALL, row);

/** What reports read of a cost: in a closed month that stays as it was. */
export function withoutBooked(columns: Columns): Columns {
  const { cost_source, cost_nano, cost_reason, saved_nano, ...rest } = columns;
  return rest;
}

const { id, state, ticket, error, cost, reuses, intendedAt } = CALL;
const CALL_FACTS: Fields<CallFacts> = { id, state, ticket, error, cost, reuses, intendedAt };

/** The columns of `factsOf`. */
export const FACTS = "id, state, ticket, error, cost, reuses, intended_at";
export const factsOf = (row: Row): CallFacts => recordOf(CALL_FACTS, row, () => {});

type ReadRun = Omit<RunRecord, "unreadable">;

const RUN: Fields<ReadRun> = {
  chain: name("chain"),
  id: name("id"),
  input: optionalText("input"),
  tags: json("tags", isTexts, () => ({})),
  // Nobody knows how much it may cost: nothing more.
  budget: json<Budget | undefined>(
    "budget",
    (value) => isNone(value) || (isPlain(value) && typeof value["usd"] === "number"),
    () => ({ usd: 0 }),
  ),
  startedFor: json<StartedFor | undefined>("started_for", isStartedFor, () => undefined),
  // It is not executed by itself.
  state: oneOf("state", RUN_STATES, "failed"),
  output: optionalText("output"),
  error: savedError("error"),
  failedKeys: json<readonly string[]>(
    "failed_keys",
    (value) => Array.isArray(value) && value.every((key) => typeof key === "string"),
    () => [],
  ),
  epoch: number("epoch"),
  owner: json<ProcessIdentity | undefined>("owner", isOwner, () => undefined),
  cancelReason: optionalText("cancel_reason"),
  startedAt: number("started_at"),
  endedAt: optionalNumber("ended_at"),
};

function isOwner(value: unknown): boolean {
  if (isNone(value)) return true;
  return (
    isPlain(value) &&
    typeof value["pid"] === "number" &&
    ["host", "boot", "started"].every((name) => typeof value[name] === "string")
  );
}

function isStartedFor(value: unknown): boolean {
  if (isNone(value)) return true;
  if (!isPlain(value)) return false;
  const { root, within, request, caller, job, claimedRoot } = value;
  const isRoot = isNone(root) || isPlain(root);
  const isWithin = isNone(within) || (Array.isArray(within) && within.every(isTexts));
  return (
    isRoot &&
    isWithin &&
    [request, caller, job, claimedRoot].every((name) => isNone(name) || typeof name === "string")
  );
}

/** What of a run never changes. */
type Fixed = "chain" | "id" | "input" | "tags" | "startedFor" | "startedAt";

/** What changes in a run's life. */
export function changingRunColumns({ run, leaseUntil }: LeasedRun): Columns {
  const { chain, id, input, tags, startedFor, startedAt, unreadable, ...changing } = run;
  return { ...columnsOf<Omit<ReadRun, Fixed>>(RUN, changing), lease_until: leaseUntil };
}

export const newRunColumns = ({ run: { unreadable, ...run }, leaseUntil }: LeasedRun): Columns => ({
  ...columnsOf(RUN, run),
  lease_until: leaseUntil,
  next_event: 0,
});

export const runOf = (row: Row): RunRecord => readWhole(RUN, row);

const LEASE = number("lease_until");

export const leasedOf = (row: Row): LeasedRun => ({
  run: runOf(row),
  leaseUntil: LEASE.read(row, () => {}),
});

const STEP: Fields<StepRecord> = {
  key: name("key"),
  name: text("name"),
  value: optionalText("value"),
  error: savedError("error"),
  at: number("at"),
};

export const stepColumns = (step: StepRecord): Columns => columnsOf(STEP, step);
export const stepOf = (row: Row): StepRecord => recordOf(STEP, row, () => {});
