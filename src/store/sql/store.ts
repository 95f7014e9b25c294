import type { RunClaim, RunEnd } from "../../journal/runs.ts";
import type { CallRecord, Store } from "../../journal/store.ts";
import { ambiguous, charged, completed, failed, givenUp, LEFT_OVER, reused } from "../call-changes.ts";
import { callById, callsWhere, change, claimRequest, forgetCallsOf, intend, type Kept } from "./calls.ts";
import { callOf, runOf, stepOf } from "./rows.ts";
import {
  assertHeld,
  cancelRun,
  claimRun,
  endRun,
  forgetRun,
  releaseRun,
  renewRun,
  runById,
  runsWhere,
} from "./runs.ts";
import { freeSlot, renewSlots, takeSlot } from "./slots.ts";
import { spendOf, spendWhere } from "./spend.ts";
import { appendEvents, dropSteps, eventsOf, saveStep, stepsOf } from "./steps.ts";
import type { Driver } from "./work.ts";

/** A store over a database: which work each note is, whoever runs it. */
export function sqlStore(
  { write, read, close }: Driver,
  { name, keep }: Pick<Store, "name" | "keep">,
): Store {
  const kept: Kept = keep === "all" ? (call) => call : withoutPayload;
  const note = (id: string, decide: Parameters<typeof change>[1]) => write(() => change(id, decide, kept));

  return {
    name,
    keep,
    durable: true,
    close,

    intend: (intent, terms = {}) => write(() => intend(intent, terms, kept)),
    submitted: (id, ticket, at) => write(() => claimRequest(id, ticket, at, kept)),
    ambiguous: (id, why, at) => note(id, (call) => ambiguous(call, why, at)),
    completed: (id, outcome, at) => note(id, (call) => completed(call, outcome, at)),
    failed: (id, error, at) => note(id, (call) => failed(call, error, at)),
    givenUp: (id, why, at, error) => note(id, (call) => givenUp(call, why, at, error)),
    charged: (id, cost) => note(id, (call) => charged(call, cost)),
    reused: (id) => note(id, reused),
    call: async (id) => (await read(callById(id))).map(callOf)[0],
    calls: async (query = {}) => (await read(callsWhere(query))).map(callOf),
    spend: async (query) => (await read(spendWhere(query))).map((row) => spendOf(row, query)),

    claimRun: (claim) => write(() => claimRun(keep === "all" ? claim : withoutInput(claim))),
    renewRun: (fence, leaseMs) => write(() => renewRun(fence, leaseMs)),
    releaseRun: (fence) => write(() => releaseRun(fence)),
    endRun: (fence, end, at) =>
      write(function* () {
        yield* endRun(fence, keep === "all" ? end : withoutOutput(end), at);
        for (const id of end.leftOver ?? []) yield* change(id, () => LEFT_OVER, kept);
      }),
    cancelRun: (chain, id, reason, at) => write(() => cancelRun(chain, id, reason, at)),
    run: async (chain, id) => (await read(runById(chain, id))).map(runOf)[0],
    runs: async (query = {}) => (await read(runsWhere(query))).map(runOf),
    forgetRun: (chain, id) =>
      write(function* () {
        const existed = yield* forgetRun(chain, id);
        if (existed) yield* forgetCallsOf(chain, id);
        return existed;
      }),

    // A step without its value would say that it gave nothing: where no payload is kept, it is not there.
    saveStep: (fence, step) => write(keep === "all" ? () => saveStep(fence, step) : () => checked(fence)),
    dropSteps: (fence, keys) => write(() => dropSteps(fence, keys)),
    steps: async (chain, run) => (await read(stepsOf(chain, run))).map(stepOf),
    appendEvents: (fence, events) =>
      write(keep === "all" ? () => appendEvents(fence, events) : () => checked(fence)),
    events: async (chain, run, from, limit = 1_000) =>
      (await read(eventsOf(chain, run, from, limit))).map(({ seq, event }) => ({
        seq: seq as number,
        event: event as string,
      })),

    takeSlot: (slot) => write(() => takeSlot(slot)),
    renewSlots: (holder, leaseMs) => write(() => renewSlots(holder, leaseMs)),
    freeSlot: (call) => write(() => freeSlot(call)),
  };
}

function* checked(fence: Parameters<typeof assertHeld>[0]) {
  yield* assertHeld(fence);
}

const withoutPayload = <C extends Partial<CallRecord>>(call: C): C => {
  const { body, outcome, ...rest } = call;
  return rest as C;
};

const withoutInput = (claim: RunClaim): RunClaim => ({ ...claim, input: undefined });
const withoutOutput = (end: RunEnd): RunEnd => ({ ...end, output: undefined });
