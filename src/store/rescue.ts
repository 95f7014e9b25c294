import type { Clock } from "../base/clock.ts";
import type { Report } from "../base/report.ts";
import { LeaseLostError } from "../errors/runs.ts";
import type { SavedError } from "../errors/saved-error.ts";
import { RequestClaimedError, StoreError } from "../errors/store.ts";
import type { Outcome, Ticket } from "../journal/call.ts";
import type { Store } from "../journal/store.ts";
import { appendToRescueFile, type RescueLine, readBack, replay, tell, type Write } from "./rescue-file.ts";

export interface RescueOptions {
  /** Where what a durable store could not take is kept; asked when it is needed. Undefined: nowhere. */
  readonly file: () => string | undefined;
  readonly report: Report;
  readonly clock: Clock;
}

/** Calls of which it is remembered what they were, for whoever reads the rescue file. */
const KEPT_HANDLES = 10_000;

/**
 * A store whose failures after the payment keep no result from anybody. What could not be written is logged, appended
 * to the rescue file, and owed: until the store has it, `intend` rejects, so that nothing further is paid for. Writes
 * of a call resolve whether or not the store took them; that a request belongs to another call is no such failure.
 */
export function withRescue(store: Store, { file, report, clock }: RescueOptions): Store {
  const handles = new Map<string, Pick<RescueLine, "endpoint" | "requestId">>();
  /** What the store does not have yet, oldest first. */
  const owed: RescueLine[] = [];
  let paying: Promise<void> | undefined;

  const write =
    <What>(name: Write) =>
    async (id: string, what: What, at: number, told?: SavedError): Promise<void> => {
      if (name === "submitted") {
        const { endpoint, requestId } = what as unknown as Ticket;
        remember(id, { endpoint, requestId });
      }
      try {
        // In order: what is owed comes first.
        if (owed.length > 0) await payUp();
        await tell(store, name, [id, what, at, told]);
      } catch (error) {
        if (error instanceof RequestClaimedError || error instanceof LeaseLostError) throw error;
        if (name === "submitted") claim(id, (what as unknown as Ticket).requestId);
        rescue({ call: id, ...handles.get(id), write: name, what, at, error: told }, error);
      }
    };

  const intend: Store["calls"]["intend"] = async (intent, terms) => {
    while (owed.length > 0) {
      await payUp().catch((cause: unknown) => {
        throw blocked(cause);
      });
    }
    await store.calls.intend(intent, terms);
    remember(intent.id, { endpoint: intent.endpoint });
  };

  return {
    ...store,
    calls: {
      ...store.calls,
      intend,
      submitted: write("submitted"),
      ambiguous: write("ambiguous"),
      completed: write("completed"),
      failed: write("failed"),
      givenUp: write("givenUp"),
      charged: write("charged"),
    },
  };

  function remember(id: string, handle: Pick<RescueLine, "endpoint" | "requestId">): void {
    handles.delete(id);
    handles.set(id, handle);
    const oldest = handles.size > KEPT_HANDLES ? handles.keys().next().value : undefined;
    if (oldest !== undefined) handles.delete(oldest);
  }

  /** What is owed is claimed as well as what the store has. */
  function claim(id: string, requestId: string): void {
    const isTaken = ({ call, write, what }: RescueLine) =>
      write === "submitted" && call !== id && (what as Ticket).requestId === requestId;
    if (owed.some(isTaken)) throw new RequestClaimedError(requestId);
  }

  function rescue(fact: Omit<RescueLine, "time" | "store">, error: unknown): void {
    const line: RescueLine = { time: new Date(clock.now()).toISOString(), store: store.name, ...fact };
    owed.push(line);
    const { call, endpoint, requestId, write } = line;
    const of = `${call}${endpoint ? ` of ${endpoint}` : ""}${requestId ? `, request ${requestId}` : ""}`;
    report(
      `The store ${store.name} could not note "${write}" for call ${of}. ${keep(line)} No further paid call starts in ` +
        "this client until the store takes it",
      error,
      { call, endpoint, request_id: requestId },
    );
  }

  /** @returns where it is now, in words. */
  function keep(line: RescueLine): string {
    const path = store.durable ? file() : undefined;
    if (path === undefined) return "It is kept in memory.";
    try {
      appendToRescueFile(path, [JSON.stringify(store.keep === "ids" ? withoutPayload(line) : line)]);
      return `It is kept in ${path}.`;
    } catch (error) {
      return `It could not be kept in ${path} either (${messageOf(error)}), so this is the only note of it.`;
    }
  }

  /** @throws what the store throws, as long as it does not take what it is owed. */
  function payUp(): Promise<void> {
    paying ??= replayAll().finally(() => {
      paying = undefined;
    });
    return paying;
  }

  async function replayAll(): Promise<void> {
    const durable = store.durable;
    for (let line = owed[0]; line; line = owed[0]) {
      const refused = await replay(store, line);
      if (refused !== undefined) report("The store was owed what it can never take", new StoreError(refused));
      owed.shift();
    }
    const path = durable ? file() : undefined;
    if (path === undefined) return;
    // Everything is in the store, so the file holds nothing that is not; whoever else left something there is helped too.
    await readBack(path, store).catch((error: unknown) =>
      report(`The rescue file ${path} could not be read back`, error),
    );
  }

  function blocked(cause: unknown): StoreError {
    const path = store.durable ? file() : undefined;
    const where = path === undefined ? "in memory" : `in ${path}`;
    const also =
      path === undefined ? "" : ` From another process, fal-chain calls rescue ${path} reads the file back.`;
    return new StoreError(
      `No further paid call until the store ${store.name} takes what it is owed (${owed.length}, kept ${where}): ` +
        `${messageOf(cause)}. Nothing was sent. Make it writable again (free its disk, unlock it, reach it), and call ` +
        `again.${also}`,
      { cause, retryable: true },
    );
  }
}

const withoutPayload = (line: RescueLine): RescueLine =>
  line.write === "completed" ? { ...line, what: { ...(line.what as Outcome), data: null } } : line;

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\.$/, "");
