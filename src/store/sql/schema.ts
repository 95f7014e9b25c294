/** What two databases write differently in a table's definition. */
export interface Types {
  /** A column that numbers its rows in the order in which they came. */
  readonly serial: string;
  /** Whether a large value lies in its row, in the way of whoever reads the others. */
  readonly inline: boolean;
}

/** The statements that bring a database one version further. */
export type Migration = (types: Types) => readonly string[];

/**
 * Each brings a database from the version before to its own; the first makes it. Only ever add to the end: databases
 * out there have run the earlier ones. JSON is text, times are milliseconds since the epoch, money is nano-USD.
 */
export const MIGRATIONS: readonly Migration[] = [
  ({ serial, inline }) => [
    `create table calls (
      seq ${serial},
      id text not null unique,
      endpoint text not null,
      body text,
      queue text not null,
      tags text not null,
      chain text,
      run text,
      step text,
      key text,
      job_id text,
      app text,
      request text,
      root_run text,
      root_job text,
      claimed_root text,
      key_id text,
      account text,
      user_tags text not null,
      state text not null,
      request_id text unique,
      ticket text,
      data text,
      units double precision,
      wait_seconds double precision,
      run_seconds double precision,
      error text,
      billed text,
      doubt text,
      given_up text,
      cost text,
      cost_source text,
      cost_nano bigint,
      cost_reason text,
      unused text,
      reuses bigint not null,
      intended_at bigint not null,
      submitted_at bigint,
      ended_at bigint
    )`,
    // Outside a run there is no key, and calls without one are all different.
    "create unique index calls_of_run on calls (chain, run, key)",
    "create index calls_by_root on calls (root_run)",
    // What reports ask for. Where it is all in an index, which begins with each call's time, they read no payload on
    // their way. Of a call's state there is no index of its own: each change would have to be written there too.
    inline
      ? `create index calls_for_reports on calls (${REPORTED.join(", ")})`
      : "create index calls_by_time on calls (intended_at)",

    `create table runs (
      seq ${serial},
      chain text not null,
      id text not null,
      input text,
      tags text not null,
      budget text,
      started_for text,
      state text not null,
      output text,
      error text,
      failed_keys text not null,
      epoch bigint not null,
      owner text,
      lease_until bigint not null,
      cancel_reason text,
      started_at bigint not null,
      ended_at bigint,
      next_event bigint not null,
      unique (chain, id)
    )`,
    "create index runs_by_time on runs (started_at)",
    `create table steps (
      seq ${serial},
      chain text not null,
      run text not null,
      key text not null,
      name text not null,
      value text,
      error text,
      at bigint not null,
      unique (chain, run, key)
    )`,
    `create table events (
      chain text not null,
      run text not null,
      seq bigint not null,
      event text not null,
      primary key (chain, run, seq)
    )`,

    `create table budgets (
      budget text not null,
      window_start bigint not null,
      charged bigint not null,
      reserved bigint not null,
      primary key (budget, window_start)
    )`,
    `create table reservations (
      call text not null,
      budget text not null,
      window_start bigint not null,
      nano bigint not null,
      primary key (call, budget, window_start)
    )`,

    // UTC's months by their beginnings, and what calls of closed ones cost more or less since.
    "create table months (month bigint not null primary key, closed_at bigint)",
    `create table corrections (
      number ${serial},
      call text not null,
      call_month bigint not null,
      arrived_at bigint not null,
      delta_nano bigint not null,
      delta_source text not null,
      delta_cost text not null
    )`,
    "create index corrections_by_time on corrections (arrived_at)",

    "create table accounts (account text not null primary key)",
    `create table slots (
      call text not null primary key,
      account text not null,
      holder text not null,
      until bigint not null
    )`,
    "create index slots_by_account on slots (account)",
    "create index slots_by_holder on slots (holder)",
  ],
  // The whole of names that are too long for an index.
  () => [
    ...["chain", "run", "key", "root_run"].map((name) => `alter table calls add column ${name}_long text`),
    ...["chain", "id"].map((name) => `alter table runs add column ${name}_long text`),
    "alter table steps add column key_long text",
  ],
  // Who sent the request that a call was made for.
  ({ inline }) => [
    "alter table calls add column caller text",
    ...(inline
      ? [
          "drop index calls_for_reports",
          `create index calls_for_reports on calls (${[...REPORTED, "caller"].join(", ")})`,
        ]
      : []),
  ],
  // Refused calls that wait to be sent again.
  () => ["refused_at", "sent_again_at"].map((name) => `alter table calls add column ${name} bigint`),
  // What a budget's calls were last held to.
  () => ["alter table budgets add column limit_nano bigint"],
  // What a call asks for, and whose result it was given instead of being paid for.
  ({ inline }) => [
    ...["content text", "reuse_of text", "saved_nano bigint"].map(
      (column) => `alter table calls add column ${column}`,
    ),
    "create index calls_by_content on calls (content)",
    ...(inline
      ? [
          "drop index calls_for_reports",
          `create index calls_for_reports on calls (${[...REPORTED, "caller", "saved_nano"].join(", ")})`,
        ]
      : []),
  ],
  // Which calls cost alike. What such calls have cost is looked up before a call is paid: those that have no cost yet are not
  // in the way where the rows' payloads would be.
  ({ inline }) => [
    "alter table calls add column kind text",
    "alter table calls add column amount double precision",
    "alter table calls add column characters bigint",
    inline
      ? "create index calls_by_kind on calls (kind, seq, state, cost_nano, amount, characters) where cost_nano is not null"
      : "create index calls_by_kind on calls (kind, seq)",
  ],
  // Which calls took a window beyond its limit, and what was said once for all.
  () => [
    "create index reservations_by_window on reservations (budget, window_start)",
    "create table told (what text not null primary key, at bigint not null)",
  ],
  // What is added to a call's cost to make its price.
  ({ inline }) => [
    "alter table calls add column markup double precision",
    ...(inline
      ? [
          "drop index calls_for_reports",
          `create index calls_for_reports on calls (${[...REPORTED, "caller", "saved_nano", "markup"].join(", ")})`,
        ]
      : []),
  ],
];

const REPORTED = [
  ...["intended_at", "endpoint", "chain", "run", "step", "job_id", "app", "request", "user_tags", "state"],
  ...["billed", "cost_source", "cost_reason", "cost_nano", "unused", "reuses"],
  ...["wait_seconds", "run_seconds", "ended_at", "root_run", "root_job", "key_id", "account"],
];
