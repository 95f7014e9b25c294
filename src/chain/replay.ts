import { GIVEN_UP } from "../calls/take-up.ts";
import { RunDivergedError, StepInputChangedError } from "../errors/runs.ts";
import type { StepRecord } from "../journal/runs.ts";
import type { CallRecord, Store } from "../journal/store.ts";
import { contentKey, differences, KnownUrls } from "./content-key.ts";
import {
  callLabel,
  isBelow,
  isInScope,
  namedCallKey,
  namedCallLabel,
  numbered,
  numberedLabelOf,
} from "./step-key.ts";

export interface ReplayOptions {
  readonly store: Store;
  readonly chain: string;
  readonly run: string;
  /** What to do where the code goes another way than before. */
  readonly onDiverge: "throw" | "pay";
  /** Steps whose failure is not replayed: they are what the run goes on from. Each is taken out when it is asked for. */
  readonly retry: Set<string>;
  readonly now: () => number;
}

export interface Asked {
  readonly endpoint: string;
  readonly content: string;
  readonly scope: string;
  readonly step: string | undefined;
  readonly onChange: "rerun" | "reuse" | undefined;
}

export interface Found {
  readonly key: string;
  readonly record: CallRecord | undefined;
  readonly replaces: string | undefined;
}

/** A call's place in the order in which calls were made, whatever their inputs take to be known. */
export interface Turn {
  /** Once only. @throws {StepInputChangedError | RunDivergedError} before anything is paid. */
  find(asked: Asked): Promise<Found>;
  /** The call has ended, or never got to ask. */
  over(): void;
}

/** What a run has paid for already, and which of it has been asked for again. */
export interface Replay {
  turn(): Turn;
  /** How often this has been asked, counting this time: tells equal things of a run apart. */
  occurrence(of: string): number;
  /** A memoized function's earlier outcome. `again`: there is one, and it is to be replaced. */
  step(key: string): { readonly record: StepRecord | undefined; readonly again: boolean };
  /** Whether this is what the run goes on from. Once for each. */
  retries(key: string): boolean;
  /** What a step gave: URLs in it are known from now on. */
  produced(key: string, data: unknown): void;
  /** A step that is not run again took its calls with it. */
  skipScope(scope: string): void;
  /** Paid calls that nothing has asked for. */
  leftOver(): readonly CallRecord[];
}

/** More calls than a run can sensibly have: all of them are read at once. */
const ALL = 1_000_000;
const PAID = new Set(["completed", "submitted", "ambiguous", "intended"]);

export async function openReplay(options: ReplayOptions): Promise<Replay> {
  const { store, chain, run, onDiverge, retry } = options;
  const records = new Map<string, CallRecord>();
  const made = await store.calls({ chain, run, limit: ALL });
  for (const record of made) {
    if (record.key === undefined) continue;
    records.set(record.key, await inDoubt(record));
  }
  const steps = new Map((await store.steps(chain, run)).map((step) => [step.key, step]));
  const byName = new Map([...records.values()].map((record) => [numberedLabelOf(record.key ?? ""), record]));
  const urls = new KnownUrls();
  const counts = new Map<string, number>();
  const used = new Set<string>();
  const underWay = new Set<object>();
  let last: Promise<void> = Promise.resolve();

  return {
    occurrence,
    retries: (key) => retry.delete(key),
    step(key) {
      const record = steps.get(key);
      const again = record?.error !== undefined && retry.delete(key);
      return { record: again ? undefined : record, again };
    },
    produced: (key, data) => urls.produced(key, data),
    skipScope(scope) {
      for (const key of records.keys()) if (isBelow(key, scope)) used.add(key);
    },
    leftOver: () => [...records.values()].filter(isLeftOver),
    turn() {
      const before = last;
      const mine = Promise.withResolvers<void>();
      last = before.then(() => mine.promise);
      const token = {};
      return {
        async find(asked) {
          await before;
          try {
            urls.asked(asked.content);
            const content = await contentKey(asked.endpoint, asked.content, urls.sources);
            const found = asked.step === undefined ? byContent(asked, content) : byStep(asked, content);
            if (!found.record && found.replaces === undefined) {
              mine.resolve();
              await everyTurnSoFar();
              checkDivergence(asked);
            }
            underWay.add(token);
            return found;
          } finally {
            mine.resolve();
          }
        },
        over() {
          mine.resolve();
          underWay.delete(token);
        },
      };
    },
  };

  function occurrence(of: string): number {
    const count = (counts.get(of) ?? 0) + 1;
    counts.set(of, count);
    return count;
  }

  function byContent({ scope, endpoint }: Asked, content: string): Found {
    const label = callLabel(scope, endpoint, content);
    const key = numbered(label, occurrence(label));
    return take(key, records.get(key));
  }

  function byStep({ scope, endpoint, step = "", onChange, content: input }: Asked, content: string): Found {
    const label = namedCallLabel(scope, step);
    const nth = numbered(label, occurrence(label));
    const key = namedCallKey(nth, content);
    const record = byName.get(nth);
    if (!record || record.key === key) return take(key, record);
    // Another input than before.
    if (onChange === "reuse") return take(record.key ?? key, record);
    used.add(record.key ?? key);
    if (onChange === "rerun" || !isPaid(record)) return { key, record: undefined, replaces: record.id };
    throw new StepInputChangedError(step, changedFields(input, record.body), { endpoint });
  }

  function take(key: string, record: CallRecord | undefined): Found {
    if (!record) return { key, record, replaces: undefined };
    used.add(key);
    // Only a failure is tried again: whatever else is there is paid for, or may be.
    if (!isFailure(record) || !retry.delete(key)) return { key, record, replaces: undefined };
    if (record.state === "failed") return { key, record: undefined, replaces: record.id };
    // Somebody stopped waiting for it, and it may have completed since.
    return { key, record: { ...record, note: GIVEN_UP.byRun }, replaces: undefined };
  }

  /** Calls that were made at the same time may ask for what seems left over. */
  async function everyTurnSoFar(): Promise<void> {
    for (let seen: Promise<void> | undefined; seen !== last; ) {
      seen = last;
      await seen;
    }
  }

  function checkDivergence({ endpoint, scope, step, content }: Asked): void {
    if (onDiverge === "pay" || step !== undefined || underWay.size > 0) return;
    const others = [...records.values()].filter(
      (record) => isLeftOver(record) && record.endpoint === endpoint && isInScope(record.key ?? "", scope),
    );
    if (others.length === 0) return;
    const fields = others.map((record) => changedFields(content, record.body));
    const nearest = fields.sort((a, b) => a.length - b.length)[0] ?? [];
    throw new RunDivergedError(
      `${chain}/${run}`,
      endpoint,
      nearest,
      others.map(({ id }) => id),
    );
  }

  function isLeftOver(record: CallRecord): boolean {
    return record.key !== undefined && !used.has(record.key) && isPaid(record);
  }

  /**
   * Whoever meant to send it is gone, and may have. Said for all at once, before any of them is looked up: equal calls
   * that are all in doubt can be told apart from ones that are under way.
   */
  async function inDoubt(record: CallRecord): Promise<CallRecord> {
    if (record.state !== "intended") return record;
    const note = "the process ended in the middle of the submit";
    await store.ambiguous(record.id, note, options.now());
    return { ...record, state: "ambiguous", note };
  }
}

/** What could not be read is no failure, and what a person gave up in doubt may be paid for. */
const isFailure = ({ state, note }: CallRecord): boolean =>
  state === "failed" || (state === "given-up" && note !== GIVEN_UP.unread && note !== GIVEN_UP.byHand);

const isPaid = ({ state, note }: CallRecord): boolean =>
  PAID.has(state) || (state === "given-up" && note === GIVEN_UP.unread);

function changedFields(content: string, before: string | undefined): string[] {
  return before === undefined ? [] : differences(JSON.parse(before), JSON.parse(content));
}
