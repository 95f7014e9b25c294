import { parseOwn } from "../base/json.ts";
import type { FoundStep } from "../calls/enclosing-run.ts";
import { mayPassForFree } from "../errors/registry.ts";
import { RunDivergedError, StepInputChangedError } from "../errors/runs.ts";
import { restoredError } from "../errors/saved-error.ts";
import type { CallRecord } from "../journal/call.ts";
import { runName } from "../journal/run-name.ts";
import { contentKey, differences } from "./content-key.ts";
import { RULES } from "./mode.ts";
import { isPaid, leftOver, occurrence, type Replay, type Turn, untilAllHaveLooked } from "./replay.ts";
import { callLabel, isInScope, namedCallKey, namedCallLabel, numbered } from "./step-key.ts";

/** A call that the code makes. */
export interface Asked {
  readonly endpoint: string;
  /** The exact JSON of its input. */
  readonly content: string;
  /** What tells it from other calls of the endpoint with the same input. */
  readonly how: string | undefined;
  readonly scope: string;
  readonly step: string | undefined;
  readonly onChange: "rerun" | "reuse" | undefined;
}

export type FoundCall = Pick<FoundStep, "key" | "record" | "replaces">;

/**
 * What earlier executions have of a call. Once for each turn.
 *
 * @throws {StepInputChangedError | RunDivergedError} before anything is paid.
 */
export async function findCall(replay: Replay, turn: Turn, asked: Asked): Promise<FoundCall> {
  const { turns, urls } = replay;
  await turn.before;
  try {
    urls.asked(asked.content);
    const content = await contentKey(`${asked.endpoint}${asked.how ?? ""}`, asked.content, urls.sources);
    const found =
      asked.step === undefined
        ? byContent(replay, asked, content)
        : byName(replay, asked, asked.step, content);
    if (!found.record && found.replaces === undefined) {
      turn.pass();
      // Calls that were made at the same time may ask for what seems left over.
      await untilAllHaveLooked(turns);
      assertSameWay(replay, asked);
    }
    turns.underWay.add(turn);
    return found;
  } finally {
    turn.pass();
  }
}

function byContent(replay: Replay, { scope, endpoint }: Asked, content: string): FoundCall {
  const label = callLabel(scope, endpoint, content);
  const key = numbered(label, occurrence(replay, label));
  return take(replay, key, replay.calls.get(key));
}

function byName(replay: Replay, asked: Asked, step: string, content: string): FoundCall {
  const { scope, endpoint, onChange, content: input } = asked;
  const label = namedCallLabel(scope, step);
  const name = numbered(label, occurrence(replay, label));
  const key = namedCallKey(name, content);
  const record = replay.namedCalls.get(name);
  if (!record || record.key === key) return take(replay, key, record);
  // Another input than before.
  const before = record.key ?? key;
  if (onChange === "reuse") return take(replay, before, record);
  replay.used.add(before);
  if (onChange === "rerun" || !isPaid(record)) return { key, record: undefined, replaces: record.id };
  throw new StepInputChangedError(step, changedFields(input, record), { endpoint });
}

function take({ execution, used, retry }: Replay, key: string, record: CallRecord | undefined): FoundCall {
  if (!record) return { key, record, replaces: undefined };
  used.add(key);
  // Only a failure is tried again: whatever else is there is paid for, or may be.
  if (!isFailure(record) || !mayRetry(execution, record) || !retry.delete(key)) {
    return { key, record, replaces: undefined };
  }
  if (record.state === "failed") return { key, record: undefined, replaces: record.id };
  // Somebody stopped waiting for it, and it may have completed since.
  return { key, record: { ...record, givenUp: "run" }, replaces: undefined };
}

/** What could not be read is no failure, and what a person gave up in doubt may be paid for. */
const isFailure = ({ state, givenUp }: CallRecord): boolean =>
  state === "failed" || (state === "given-up" && givenUp !== "unread" && givenUp !== "by-hand");

/** A failure that may have been paid for, whatever was known of it then, is paid for again only where that is wanted. */
function mayRetry({ live }: Replay["execution"], { error, cost }: CallRecord): boolean {
  if (RULES[live.plan.mode].oldFailure !== "retry-free") return true;
  const wasBilled = cost !== undefined && cost.source !== "unknown" && cost.nanoUsd > 0;
  return !wasBilled && error !== undefined && mayPassForFree(restoredError(error));
}

/** A call that matches nothing, while paid ones like it are left over, is most likely one of them, changed. */
function assertSameWay(replay: Replay, { endpoint, scope, step, content }: Asked): void {
  const { live, fence } = replay.execution;
  if (live.plan.onDiverge === "pay" || step !== undefined || replay.turns.underWay.size > 0) return;
  const others = leftOver(replay).filter(
    ({ key = "", endpoint: other }) => other === endpoint && isInScope(key, scope),
  );
  if (others.length === 0) return;
  const fields = others.map((record) => changedFields(content, record));
  const nearest = fields.sort((a, b) => a.length - b.length)[0] ?? [];
  const ids = others.map(({ id }) => id);
  throw new RunDivergedError(runName(fence.chain, fence.run), endpoint, nearest, ids);
}

function changedFields(content: string, { body }: CallRecord): string[] {
  try {
    return body === undefined ? [] : differences(parseOwn(body), parseOwn(content));
  } catch {
    // Something else has changed it.
    return [];
  }
}
