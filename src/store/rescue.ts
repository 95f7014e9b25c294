import type { Clock } from "../base/clock.ts";
import type { Report } from "../base/report.ts";
import { shellWord } from "../base/text.ts";
import { LeaseLostError } from "../errors/runs.ts";
import type { SavedError } from "../errors/saved-error.ts";
import { isOfValue, RequestClaimedError, StoreError } from "../errors/store.ts";
import type { Outcome, Ticket } from "../journal/call.ts";
import type { Store } from "../journal/store.ts";
import type { Cost } from "../money/cost.ts";
import { appendToRescueFile, type RescueLine, readBack, replay, tell, type Write } from "./rescue-file.ts";

export interface RescueOptions {
  /** Where what a durable store could not take is kept; asked when it is needed. Undefined: nowhere. */
  readonly file: () => string | undefined;
  /** Where it is kept instead, should that place take nothing. */
  readonly otherFiles: (file: string) => readonly string[];
  readonly report: Report;
  readonly clock: Clock;
}

/** Calls of which it is remembered what they were, for whoever reads the rescue file. */
const KEPT_HANDLES = 10_000;

/** What a call is, for whoever reads the rescue file. */
type Handle = Pick<RescueLine, "endpoint" | "requestId">;

/** A store, and what it is owed. */
interface Debt extends RescueOptions {
  readonly store: Store;
  readonly handles: Map<string, Handle>;
  /** What the store does not have yet, oldest first. */
  readonly owed: RescueLine[];
  /** What of it is in no file either. */
  unkept: RescueLine[];
  /** The files that something was put into. */
  readonly files: Set<string>;
  paying: Promise<void> | undefined;
}

/** A store that is owed nothing once `lastTry` is over, unless it cannot be told. */
export interface Rescuing {
  readonly store: Store;
  /** Before the process ends: what is in no file yet is tried once more. Never rejects. */
  lastTry(): Promise<void>;
}

/**
 * A store whose failures after the payment keep no result from anybody. What could not be written is logged, appended
 * to the rescue file, and owed: until the store has it, `intend` rejects, so that nothing further is paid for. Writes
 * of a call resolve whether or not the store took them; that a request belongs to another call is no such failure. Nor is
 * that a store can never hold a value: it is told without it, and nothing is owed.
 */
export function withRescue(store: Store, options: RescueOptions): Rescuing {
  const debt: Debt = {
    ...options,
    ...{ store, handles: new Map(), owed: [], unkept: [], files: new Set(), paying: undefined },
  };
  const writing =
    (name: Write) =>
    (call: string, what: unknown, at: number, error?: SavedError): Promise<void> =>
      write(debt, { call, write: name, what, at, error });
  const guarded: Store = {
    ...store,
    calls: {
      ...store.calls,
      async intend(intent, terms) {
        await owesNothing(debt);
        await store.calls.intend(intent, terms);
        remember(debt, intent.id, { endpoint: intent.endpoint });
      },
      async leaves(...of) {
        await owesNothing(debt);
        await store.calls.leaves(...of);
      },
      submitted: writing("submitted"),
      ambiguous: writing("ambiguous"),
      completed: writing("completed"),
      failed: writing("failed"),
      givenUp: writing("givenUp"),
      charged: writing("charged"),
    },
  };
  return { store: guarded, lastTry: () => lastTry(debt) };
}

async function lastTry(debt: Debt): Promise<void> {
  if (debt.unkept.length === 0) return;
  await payUp(debt).catch((error: unknown) => {
    if (debt.unkept.length === 0 || keepAll(debt) !== undefined) return;
    debt.report(
      `The store ${debt.store.name} is owed ${debt.unkept.length} notes of paid calls that no file takes`,
      error,
    );
  });
}

/** A fact of a call, without whose it is. */
type Fact = Pick<RescueLine, "call" | "write" | "what" | "at" | "error">;

async function write(debt: Debt, fact: Fact): Promise<void> {
  const { call, what, at } = fact;
  const ticket = fact.write === "submitted" ? (what as Ticket) : undefined;
  if (ticket) remember(debt, call, { endpoint: ticket.endpoint, requestId: ticket.requestId });
  try {
    // In order: what is owed comes first.
    if (debt.owed.length > 0) await payUp(debt);
    await tell(debt.store, fact.write, [call, what, at, fact.error]).catch(tellLess(debt, fact));
  } catch (error) {
    if (error instanceof RequestClaimedError || error instanceof LeaseLostError) throw error;
    if (ticket) claim(debt, call, ticket.requestId);
    owe(debt, fact, error);
  }
}

/** For a store that can never hold what it is told: it is told what it can hold, and the rest is kept in the file. */
const tellLess =
  (debt: Debt, fact: Fact) =>
  async (error: unknown): Promise<void> => {
    if (!isOfValue(error)) throw error;
    const { store, report } = debt;
    // It is in the file since the first time.
    if (fact.write === "completed" && (await store.calls.get(fact.call))?.state === "completed") return;
    const line = lineOf(debt, fact);
    const { endpoint, requestId } = line;
    report(
      `The store ${store.name} cannot hold "${fact.write}" of call ${fact.call}, and is told less. ${keep(debt, line)}`,
      error,
      { call: fact.call, endpoint, request_id: requestId },
    );
    const { what, error: told } = lessOf(fact);
    await tell(store, fact.write, [fact.call, what, fact.at, told]).catch((again: unknown) => {
      // Then the call stays as it was.
      if (!isOfValue(again)) throw again;
    });
  };

/** The same without what may be too much of it. */
function lessOf({ write, what, error }: Fact): Pick<Fact, "what" | "error"> {
  switch (write) {
    case "submitted": {
      const { endpoint, requestId, queue } = what as Ticket;
      return { what: { endpoint, requestId, queue }, error };
    }
    case "completed": {
      const { units, waitSeconds, runSeconds } = what as Outcome;
      return { what: { data: undefined, units, waitSeconds, runSeconds }, error };
    }
    case "failed":
      return { what: shortError(what as SavedError), error };
    case "charged":
      return { what: { source: "unknown", reason: "implausible" } satisfies Cost, error };
    case "ambiguous":
      return { what: plainText(String(what)), error };
    case "givenUp":
      return { what, error: error && shortError(error) };
  }
}

const shortError = ({ name, code, message, retryable, billed }: SavedError): SavedError => ({
  name,
  code,
  message: plainText(message),
  retryable,
  billed,
});

/** Short, and without what a database's text cannot hold. */
const plainText = (text: string): string => text.slice(0, 1_000).toWellFormed().replaceAll("\0", "\u{fffd}");

function remember({ handles }: Debt, id: string, handle: Handle): void {
  handles.delete(id);
  handles.set(id, handle);
  const oldest = handles.size > KEPT_HANDLES ? handles.keys().next().value : undefined;
  if (oldest !== undefined) handles.delete(oldest);
}

/** What is owed is claimed as well as what the store has. */
function claim({ owed }: Debt, id: string, requestId: string): void {
  const isTaken = ({ call, write, what }: RescueLine) =>
    write === "submitted" && call !== id && (what as Ticket).requestId === requestId;
  if (owed.some(isTaken)) throw new RequestClaimedError(requestId);
}

function owe(debt: Debt, fact: Fact, error: unknown): void {
  const { store, report } = debt;
  const line = lineOf(debt, fact);
  debt.owed.push(line);
  const { call, write, endpoint, requestId } = line;
  const of = `${call}${endpoint ? ` of ${endpoint}` : ""}${requestId ? `, request ${requestId}` : ""}`;
  report(
    `The store ${store.name} could not note "${write}" for call ${of}. ${keep(debt, line)} No further paid call starts ` +
      "in this client until the store takes it",
    error,
    { call, endpoint, request_id: requestId },
  );
}

function lineOf({ store, clock, handles }: Debt, { call, write, ...rest }: Fact): RescueLine {
  const time = new Date(clock.now()).toISOString();
  return { time, store: store.name, call, ...handles.get(call), write, ...rest };
}

const fileOf = ({ store, file }: Debt): string | undefined => (store.durable ? file() : undefined);

/** @returns where it is now, in words. */
function keep(debt: Debt, line: RescueLine): string {
  debt.unkept.push(line);
  const path = fileOf(debt);
  if (path === undefined) return "It is kept in memory.";
  const failures: string[] = [];
  const kept = keepAll(debt, failures);
  const failed = failures.length === 0 ? "" : `It could not be kept in ${failures.join(" or ")}`;
  if (kept === path) return `It is kept in ${path}.`;
  if (kept !== undefined) return `${failed}, so it is kept in ${kept}.`;
  return `${failed} either, so until one of them takes it this is the only note of it.`;
}

/** @returns the file that has all now that was in none; undefined where none takes it. */
function keepAll(debt: Debt, failures: string[] = []): string | undefined {
  const { store, unkept, files, otherFiles } = debt;
  const path = fileOf(debt);
  if (path === undefined) return undefined;
  const lines = unkept.map((line) => lineText(store.keep === "ids" ? withoutPayload(line) : line));
  for (const file of [path, ...otherFiles(path)]) {
    try {
      appendToRescueFile(file, lines);
      files.add(file);
      debt.unkept = [];
      return file;
    } catch (error) {
      failures.push(`${file} (${messageOf(error)})`);
    }
  }
  return undefined;
}

/** What cannot be written down at all is left out: the call and its request are still to be found. */
function lineText(line: RescueLine): string {
  try {
    return JSON.stringify(line);
  } catch {
    const { what, error, ...rest } = line;
    return JSON.stringify({ ...rest, what: null });
  }
}

/** @throws {StoreError} */
async function owesNothing(debt: Debt): Promise<void> {
  while (debt.owed.length > 0) await payUp(debt).catch((cause: unknown) => block(debt, cause));
}

/** @throws what the store throws, as long as it does not take what it is owed. */
function payUp(debt: Debt): Promise<void> {
  debt.paying ??= replayAll(debt).finally(() => {
    debt.paying = undefined;
  });
  return debt.paying;
}

async function replayAll(debt: Debt): Promise<void> {
  const { store, owed, report } = debt;
  for (let line = owed[0]; line; line = owed[0]) {
    const refused = await replay(store, line).catch(async (error: unknown) => {
      await tellLess(debt, line)(error);
      return undefined;
    });
    if (refused !== undefined) report("The store was owed what it can never take", new StoreError(refused));
    owed.shift();
  }
  debt.unkept = [];
  const path = fileOf(debt);
  if (path === undefined) return;
  // Everything is in the store, so the files hold nothing that is not; whoever else left something there is helped too.
  for (const file of new Set([path, ...debt.files])) {
    await readBack(file, store).catch((error: unknown) =>
      report(`The rescue file ${file} could not be read back`, error),
    );
  }
  debt.files.clear();
}

function block(debt: Debt, cause: unknown): never {
  const path = [...debt.files][0] ?? fileOf(debt);
  const where = path === undefined ? "in memory" : `in ${path}`;
  const also =
    path === undefined
      ? ""
      : ` From another process, fal-chain calls rescue ${shellWord(path)} reads the file back.`;
  throw new StoreError(
    `No further paid call until the store ${debt.store.name} takes what it is owed (${debt.owed.length}, kept ${where}): ` +
      `${messageOf(cause)}. Nothing was sent. Make it writable again (free its disk, unlock it, reach it), and call ` +
      `again.${also}`,
    { cause, retryable: true },
  );
}

const withoutPayload = (line: RescueLine): RescueLine =>
  line.write === "completed" ? { ...line, what: { ...(line.what as Outcome), data: null } } : line;

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\.$/, "");
