import type { CallJournal, CallRecord } from "../../journal/call.ts";
import type { RunClaim, RunEnd, RunJournal } from "../../journal/run.ts";
import type { SlotJournal } from "../../journal/slots.ts";
import type { Store } from "../../journal/store.ts";
import {
  ambiguous,
  charged,
  completed,
  failed,
  givenUp,
  LEFT_OVER,
  leaves,
  refused,
  reused,
} from "../call-changes.ts";
import { budgetUse, firstToSay, overrunOf, overrunsOf, usedWhere } from "./budgets.ts";
import {
  callById,
  callsWhere,
  change,
  claimRequest,
  forgetCallsOf,
  intend,
  type Kept,
  paidFor,
  pastCostOf,
  pastCostsOf,
} from "./calls.ts";
import { callOf, paidCallOf, runOf, stepOf } from "./columns.ts";
import { closedMonth, closedMonths, closeMonth, correctionOf, correctionsWhere } from "./months.ts";
import { isShortened } from "./names.ts";
import {
  assertHeld,
  cancelRun,
  claimRun,
  endRun,
  forgetRun,
  releaseRun,
  renewRun,
  renewRuns,
  runById,
  runsWhere,
} from "./runs.ts";
import { freeSlot, renewSlots, takeSlot } from "./slots.ts";
import { correctedWhere, groupColumn, spendOf, spendWhere, wholeName } from "./spend.ts";
import { addEvents, appendEvents, dropSteps, eventsOf, saveStep, stepsOf } from "./steps.ts";
import type { Driver, Row, Value } from "./work.ts";

/** A store over a database: which work each note is, whoever runs it. */
export function sqlStore(driver: Driver, { name, keep }: Pick<Store, "name" | "keep">): Store {
  const kept: Kept = keep === "all" ? (call) => call : withoutPayload;
  return {
    name,
    keep,
    durable: true,
    calls: callJournal(driver, kept),
    runs: { ...runJournal(driver, kept, keep), ...stepJournal(driver, keep) },
    slots: slotJournal(driver),
    months: {
      close: (month, at) => driver.write(() => closeMonth(month, at)),
      closed: async () => (await driver.read(closedMonths())).map(closedMonth),
      corrections: async (query = {}) => (await driver.read(correctionsWhere(query))).map(correctionOf),
    },
    spend: async (query) => {
      const corrected = await driver.read(correctedWhere(query));
      const rows = [...(await driver.read(spendWhere(query))), ...corrected];
      return Promise.all(rows.map(async (row) => spendOf(await withWholeNames(driver, row), query)));
    },
    used: async (query) => (await driver.read(usedWhere(query))).map(budgetUse),
    overruns: async (...of) => (await driver.read(overrunsOf(...of))).map(overrunOf),
    isFirst: (what, at) => driver.write(() => firstToSay(what, at)),
    close: driver.close,
  };
}

/** Names that are too long for an index are told whole. */
async function withWholeNames({ read }: Driver, row: Row): Promise<Row> {
  const whole: Record<string, Value> = {};
  for (const field of ["chain", "run", "rootRun"] as const) {
    const held = row[groupColumn(field)];
    if (typeof held !== "string" || !isShortened(held)) continue;
    const [call] = await read(wholeName(field, held));
    whole[groupColumn(field)] = call?.["name"] ?? held;
  }
  return { ...row, ...whole };
}

function callJournal({ write, read }: Driver, kept: Kept): CallJournal {
  const note = (id: string, decide: Parameters<typeof change>[1], at?: number) =>
    write(() => change(id, decide, kept, at));
  return {
    intend: (intent, terms = {}) => write((again) => intend(intent, terms, kept, again)),
    refused: (id, at) => note(id, (call) => refused(call, at)),
    leaves: (id, at, { fence, inDoubt } = {}) =>
      write(function* () {
        if (fence) yield* assertHeld(fence);
        yield* change(id, (call) => leaves(call, at, inDoubt), kept);
      }),
    submitted: (id, ticket, at) => write(() => claimRequest(id, ticket, at, kept)),
    ambiguous: (id, doubt, at) => note(id, (call) => ambiguous(call, doubt, at)),
    completed: (id, outcome, at) => note(id, (call) => completed(call, outcome, at), at),
    failed: (id, error, at) => note(id, (call) => failed(call, error, at)),
    givenUp: (id, why, at, error) => note(id, (call) => givenUp(call, why, at, error)),
    charged: (id, cost, at) => note(id, (call) => charged(call, cost), at),
    reused: (id) => note(id, reused),
    pastCosts: async (kind) => (await read(pastCostsOf(kind))).map(pastCostOf),
    get: async (id) => (await read(callById(id))).map(callOf)[0],
    paidFor: async (content, since) => (await read(paidFor(content, since))).map(paidCallOf),
    list: async (query = {}) => (await read(callsWhere(query))).map(callOf),
  };
}

type Steps = Pick<RunJournal, "saveStep" | "dropSteps" | "steps" | "appendEvents" | "events">;

function runJournal({ write, read }: Driver, kept: Kept, keep: Store["keep"]): Omit<RunJournal, keyof Steps> {
  return {
    claim: (claim) => write(() => claimRun(keep === "all" ? claim : withoutInput(claim))),
    renew: (fence, leaseMs) => write(() => renewRun(fence, leaseMs)),
    renewAll: (fences, leaseMs) => write(() => renewRuns(fences, leaseMs)),
    release: (fence) => write(() => releaseRun(fence)),
    end: (fence, end, at) =>
      write(function* (again) {
        const isNew = yield* endRun(fence, keep === "all" ? end : withoutOutput(end), at, again);
        if (isNew && keep === "all") yield* addEvents(fence, end.events ?? []);
        for (const id of end.leftOver ?? []) yield* change(id, () => LEFT_OVER, kept);
      }),
    cancel: (chain, id, reason, at) => write(() => cancelRun(chain, id, reason, at)),
    get: async (chain, id) => (await read(runById(chain, id))).map(runOf)[0],
    list: async (query = {}) => (await read(runsWhere(query))).map(runOf),
    forget: (chain, id) =>
      write(function* () {
        const existed = yield* forgetRun(chain, id);
        if (existed) yield* forgetCallsOf(chain, id);
        return existed;
      }),
  };
}

function stepJournal({ write, read }: Driver, keep: Store["keep"]): Steps {
  return {
    // A step without its value would say that it gave nothing: where no payload is kept, it is not there.
    saveStep: (fence, step) => write(keep === "all" ? () => saveStep(fence, step) : () => checked(fence)),
    dropSteps: (fence, keys) => write(() => dropSteps(fence, keys)),
    steps: async (chain, run) => (await read(stepsOf(chain, run))).map(stepOf),
    appendEvents: (fence, events) =>
      write(keep === "all" ? (again) => appendEvents(fence, events, again) : () => checked(fence)),
    events: async (chain, run, from, limit = 1_000) =>
      (await read(eventsOf(chain, run, from, limit))).map(({ seq, event }) => ({
        seq: seq as number,
        event: event as string,
      })),
  };
}

const slotJournal = ({ write }: Driver): SlotJournal => ({
  take: (slot) => write(() => takeSlot(slot)),
  renew: (holder, leaseMs) => write(() => renewSlots(holder, leaseMs)),
  free: (call) => write(() => freeSlot(call)),
});

function* checked(fence: Parameters<typeof assertHeld>[0]) {
  yield* assertHeld(fence);
}

const withoutPayload = <C extends Partial<CallRecord>>(call: C): C => {
  const { body, outcome, content, ...rest } = call;
  return rest as C;
};

const withoutInput = (claim: RunClaim): RunClaim => ({ ...claim, input: undefined });
const withoutOutput = (end: RunEnd): RunEnd => ({ ...end, output: undefined });
