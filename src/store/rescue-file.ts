import * as z from "zod/mini";
import { builtin } from "../base/builtin.ts";
import { dataHome } from "../environment/data-home.ts";
import type { SavedError } from "../errors/saved-error.ts";
import { RequestClaimedError } from "../errors/store.ts";
import type { CallRecord, Ticket } from "../journal/call.ts";
import type { Store } from "../journal/store.ts";
import { openPrivate } from "./private-file.ts";

/** What may be owed to a store once a call is paid: each of these is told an id, a fact and a time. */
export const WRITES = ["submitted", "ambiguous", "completed", "failed", "givenUp", "charged"] as const;
export type Write = (typeof WRITES)[number];

/** One fact that a store could not take, as it stands in the rescue file: a line of JSON. */
export interface RescueLine {
  /** For people. */
  readonly time: string;
  /** Which store it is owed to. */
  readonly store: string;
  readonly call: string;
  readonly endpoint?: string | undefined;
  readonly requestId?: string | undefined;
  readonly write: Write;
  /** A ticket, a reason, an outcome, an error or a cost, as `write` takes it. */
  readonly what: unknown;
  readonly at: number;
  /** What the caller of a call that was given up was told. */
  readonly error?: SavedError | undefined;
}

const Line = z.looseObject({
  store: z.string(),
  call: z.string(),
  write: z.enum(WRITES),
  what: z.unknown(),
  at: z.number(),
  error: z.optional(z.custom<SavedError>()),
});

/** What became of a rescue file that was read back. */
export interface Rescued {
  readonly file: string;
  /** Lines that are in the store now. */
  readonly restored: number;
  /** Lines that are still in the file, and why. */
  readonly left: readonly { readonly line: string; readonly why: string }[];
}

/** The file beside a store that is a file; else one among the user's data. Undefined without a file system. */
export function rescueFileFor(
  store: { readonly name: string },
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const given = env["FAL_CHAIN_RESCUE"]?.trim();
  if (given) return given;
  // A store that is a file has its path for a name.
  if (fileSystem().path.isAbsolute(store.name)) return `${store.name}.rescue.jsonl`;
  const home = dataHome(env);
  return home && `${home}/rescue.jsonl`;
}

/** Where it is kept instead, should the first place be full, or not to be written: most often on another disk. */
export function otherRescueFiles(
  file: string,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const { path, os, crypto } = fileSystem();
  const name = `rescue-${crypto.createHash("sha256").update(path.resolve(file)).digest("hex").slice(0, 16)}.jsonl`;
  const temporary = env["TMPDIR"]?.trim() || os.tmpdir();
  const homes = [dataHome(env), path.join(temporary, `fal-chain-${process.getuid?.() ?? "user"}`)];
  return homes.filter((home) => home !== undefined).map((home) => path.join(home, name));
}

/** On the disk when it returns, and readable by this user only. @throws {StoreError} else what the file system throws. */
export function appendToRescueFile(file: string, lines: readonly string[]): void {
  const { fs } = fileSystem();
  const handle = openPrivate(file);
  try {
    const text = lines.map((line) => `${line}\n`).join("");
    // A disk that was full in the middle of a line has left a part of it.
    fs.writeFileSync(handle, endsInLine(handle) ? `\n${text}` : text);
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}

function endsInLine(handle: number): boolean {
  const { fs } = fileSystem();
  const { size } = fs.fstatSync(handle);
  const last = new Uint8Array(1);
  return size > 0 && fs.readSync(handle, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
}

/**
 * Tells the store what the file holds, then removes it; lines that the store still does not take stay in it. Doing so
 * twice changes nothing, and a process that dies meanwhile loses nothing.
 *
 * @throws what the file system throws, but not where there is no such file.
 */
export async function readBack(file: string, store: Store): Promise<Rescued> {
  let restored = 0;
  const left: { line: string; why: string }[] = [];
  // Renamed first, so that what is added meanwhile is in a file of its own, and of several who come for it one has it.
  for (const from of [...leftReading(file), file]) {
    const reading = takenForReading(file, from);
    if (reading === undefined) continue;
    const found = await readAll(reading, store);
    restored += found.restored;
    left.push(...found.left);
    if (found.left.length > 0) {
      appendToRescueFile(
        file,
        found.left.map(({ line }) => line),
      );
    }
    fileSystem().fs.rmSync(reading, { force: true });
  }
  return { file, restored, left };
}

async function readAll(reading: string, store: Store): Promise<Omit<Rescued, "file">> {
  const { fs } = fileSystem();
  let restored = 0;
  const left: { line: string; why: string }[] = [];
  // Who had the file open when it was renamed may still add to it.
  for (let done = 0, lines: string[] = []; ; done = lines.length) {
    lines = fs.readFileSync(reading, "utf8").split("\n").filter(Boolean);
    if (lines.length === done) return { restored, left };
    for (const line of lines.slice(done)) {
      const why = await takeLine(store, line);
      if (why === undefined) restored++;
      else left.push({ line, why });
    }
  }
}

/** Whoever has begun to read one back is given so long before it is taken for dead, in milliseconds. */
const READING_MS = 60_000;

/** Files that somebody began to read back and did not end with. */
function leftReading(file: string): string[] {
  const { fs, path } = fileSystem();
  const folder = path.dirname(path.resolve(file));
  const begin = `${path.basename(file)}.reading`;
  const isLeft = (name: string) => {
    const since = Number(/^-(\d+)-/.exec(name.slice(begin.length))?.[1] ?? 0);
    return name.startsWith(begin) && Date.now() - since > READING_MS;
  };
  return orNothing(() => fs.readdirSync(folder).filter(isLeft))?.map((name) => path.join(folder, name)) ?? [];
}

/** @returns undefined where it is not there, or somebody else has taken it. */
function takenForReading(file: string, from: string): string | undefined {
  const reading = `${file}.reading-${Date.now()}-${crypto.randomUUID()}`;
  const { fs } = fileSystem();
  return orNothing(() => {
    fs.renameSync(from, reading);
    return reading;
  });
}

/** What is not there is nothing. */
function orNothing<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** @returns why the store did not take it; undefined if it has it now. */
async function takeLine(store: Store, text: string): Promise<string | undefined> {
  let line: z.output<typeof Line>;
  try {
    line = z.parse(Line, JSON.parse(text));
  } catch {
    return "it is no line of a rescue file";
  }
  try {
    return await replay(store, line);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Each of the writes takes an id, a fact and a time; one of them an error too. */
export const tell = (store: Store, write: Write, args: readonly unknown[]): Promise<void> =>
  Reflect.apply(store.calls[write], store.calls, args);

/**
 * Tells the store what it is owed, unless it knows as much already.
 *
 * @returns why it can never be told so; undefined if it has it now. @throws where another time may do better.
 */
export async function replay(
  store: Store,
  line: Pick<RescueLine, "call" | "write" | "what" | "at" | "error">,
): Promise<string | undefined> {
  const call = await store.calls.get(line.call);
  if (!call) return `${store.name} has no call ${line.call}`;
  const { write, what, at, error: told } = line;
  if (write === "submitted" && call.ticket && call.ticket.requestId !== (what as Ticket).requestId) {
    return `call ${call.id} is request ${call.ticket.requestId} already`;
  }
  if (isOutdated(call, line)) return undefined;
  const isWithout = call.state === "completed" && call.outcome?.data === undefined;
  if (write === "completed" && isWithout && store.keep === "all") {
    return `call ${call.id} is completed without its result, which ${store.name} could not hold`;
  }
  try {
    await tell(store, write, [call.id, what, at, told]);
  } catch (error) {
    if (error instanceof RequestClaimedError) return error.message;
    throw error;
  }
  return undefined;
}

/** Doubts and ends that the call has left behind: a store would take them for new ones. */
function isOutdated(call: CallRecord, { write, at }: Pick<RescueLine, "write" | "at">): boolean {
  if (write === "ambiguous") return call.state !== "intended";
  const isEnd = write === "failed" || write === "givenUp";
  return isEnd && call.submittedAt !== undefined && call.submittedAt > at;
}

function fileSystem() {
  const fs = builtin("node:fs");
  const path = builtin("node:path");
  const os = builtin("node:os");
  const crypto = builtin("node:crypto");
  if (!fs || !path || !os || !crypto) throw new Error("this runtime has no file system");
  return { fs, path, os, crypto };
}
