import type { Fence, StepRecord } from "../../journal/run.ts";
import { stepColumns } from "./columns.ts";
import { indexed } from "./names.ts";
import { assertHeld } from "./runs.ts";
import { insert, remove, select } from "./tables.ts";
import { placeholders, query, rowLimit, type Statement, type Work } from "./work.ts";

/** What a run writes down beside its calls: what its functions gave, and its events. */

export function* saveStep(fence: Fence, step: StepRecord): Work<void> {
  yield* assertHeld(fence);
  const columns = { chain: indexed(fence.chain), run: indexed(fence.run), ...stepColumns(step) };
  yield* insert("steps", columns, "on conflict (chain, run, key) do nothing");
}

export function* dropSteps({ chain, run, epoch }: Fence, keys: readonly string[]): Work<void> {
  yield* assertHeld({ chain, run, epoch });
  for (const key of keys) yield* remove("steps", { "chain =": chain, "run =": run, "key =": key });
}

export const stepsOf = (chain: string, run: string): Statement =>
  select("*", "steps", { "chain =": chain, "run =": run }, "order by seq");

/** Rows of one statement: enough to make the round trips few, and below what a database takes of parameters. */
const BATCH = 100;

export function* appendEvents(fence: Fence, events: readonly string[], again: boolean): Work<void> {
  yield* assertHeld(fence);
  if (again && (yield* endsWith(fence, events))) return;
  yield* addEvents(fence, events);
}

/** The same for whoever knows that the run is its own. */
export function* addEvents(fence: Pick<Fence, "chain" | "run">, events: readonly string[]): Work<void> {
  if (events.length === 0) return;
  const [chain, run] = [indexed(fence.chain), indexed(fence.run)];
  const [counted] = yield* query(
    "update @runs set next_event = next_event + $1 where chain = $2 and id = $3 returning next_event",
    events.length,
    chain,
    run,
  );
  const first = Number(counted?.["next_event"]) - events.length;
  for (let n = 0; n < events.length; n += BATCH) {
    const batch = events.slice(n, n + BATCH);
    yield* query(
      `insert into @events (chain, run, seq, event) values ${placeholders(batch.length, 4)}`,
      ...batch.flatMap((event, m) => [chain, run, first + n + m, event]),
    );
  }
}

/** Whether these are the last events of the run already: whoever holds it is the only one to write any. */
function* endsWith({ chain, run }: Fence, events: readonly string[]): Work<boolean> {
  const last = `order by seq desc limit ${events.length}`;
  const rows = yield select("event", "events", { "chain =": chain, "run =": run }, last);
  return rows.length === events.length && rows.every(({ event }, n) => event === events.at(-1 - n));
}

export const eventsOf = (chain: string, run: string, from: number, limit: number): Statement =>
  select(
    "seq, event",
    "events",
    { "chain =": chain, "run =": run, "seq >=": from },
    `order by seq limit ${rowLimit(limit)}`,
  );
