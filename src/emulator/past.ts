import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { exactJson } from "./exact-json.ts";
import type { Job, JobOrder } from "./job.ts";

/** A request as it is written down: at its submit, and once more when it has ended. */
export type PastJob = Omit<JobOrder, "random"> &
  Pick<Job, "submittedAt" | "startedAt" | "completedAt" | "outcome" | "cancelled" | "logs">;

/** A file, with the id that its URL has. */
export interface PastFile {
  readonly id: string;
  readonly name: string;
  readonly contentType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What an emulator has on disk, so that the next one that is given the same directory goes on with it. */
export interface Past {
  /** Of earlier lives, oldest first. */
  readonly jobs: readonly PastJob[];
  readonly files: readonly PastFile[];
  noteJob(job: Job): void;
  noteFile(file: PastFile): void;
  dropFile(id: string): void;
  /** Of requests; files stay. */
  forgetJobs(): void;
}

/** fal's own history goes further back; nobody resumes here what is older. */
const OLDEST_MS = 7 * 24 * 60 * 60_000;
const MOST_JOBS = 10_000;
const MOST_BYTES = 64 * 2 ** 20;
/** What is appended before the journal is written anew, with the latest of it. */
const MOST_APPENDED = 128 * 2 ** 20;

type Line = { readonly job: PastJob } | { readonly file: Omit<PastFile, "bytes"> };

/**
 * Reads what is in a directory, and notes there what comes. A request is on its way to the disk before it is answered, so
 * a process that is killed has promised nothing that its next life does not know. One process at a time: who listens on
 * the directory's port.
 *
 * @throws what the file system says.
 */
export function openPast(directory: string, now: () => number): Past {
  const journal = join(directory, "requests.jsonl");
  const media = join(directory, "files");
  mkdirSync(media, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  const { jobs, files } = writtenAnew(journal, now());
  const kept = files.flatMap((file) => withBytes(file, media));
  const ids = new Set(kept.map(({ id }) => id));
  for (const name of readdirSync(media)) if (!ids.has(name)) rmSync(join(media, name), { force: true });
  let appended = 0;

  const append = (line: Line) => {
    const text = lineOf(line);
    appendFileSync(journal, text, { mode: 0o600 });
    appended += text.length;
    if (appended < MOST_APPENDED) return;
    writtenAnew(journal, now());
    appended = 0;
  };
  return {
    jobs,
    files: kept,
    noteJob: (job) => append({ job: pastOf(job) }),
    noteFile({ bytes, ...file }) {
      writeFileSync(join(media, file.id), bytes, { mode: 0o600 });
      append({ file });
    },
    dropFile: (id) => rmSync(join(media, id), { force: true }),
    forgetJobs() {
      const { files } = latestOf(read(journal), now());
      replace(
        journal,
        files.map((file) => lineOf({ file })),
      );
      appended = 0;
    },
  };
}

const lineOf = (line: Line): string => `${JSON.stringify(line)}\n`;

/** Reads a journal, and leaves the latest of it there. */
function writtenAnew(journal: string, now: number) {
  const latest = latestOf(read(journal), now);
  const lines = [
    ...latest.files.map((file) => lineOf({ file })),
    ...latest.jobs.map((job) => lineOf({ job })),
  ];
  replace(journal, lines);
  return latest;
}

function replace(journal: string, lines: readonly string[]): void {
  writeFileSync(`${journal}.new`, lines.join(""), { mode: 0o600 });
  renameSync(`${journal}.new`, journal);
}

/** A line that a killed process has not finished is none, nor is what somebody else has written. */
function read(journal: string): Line[] {
  let text: string;
  try {
    text = readFileSync(journal, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return text.split("\n").flatMap((line): Line[] => {
    try {
      const read = exactJson(line) as Partial<Line & { job: PastJob; file: PastFile }>;
      return read.job?.requestId || read.file?.id ? [read as Line] : [];
    } catch {
      return [];
    }
  });
}

function latestOf(lines: readonly Line[], now: number) {
  const jobs = new Map<string, PastJob>();
  const files = new Map<string, Omit<PastFile, "bytes">>();
  for (const line of lines) {
    if ("job" in line) jobs.set(line.job.requestId, line.job);
    else files.set(line.file.id, line.file);
  }
  let held = 0;
  const latest = [...jobs.values()].reverse().filter((job, nth) => {
    held += job.inputBytes + (job.outcome?.body.length ?? 0);
    return nth < MOST_JOBS && held <= MOST_BYTES && now - job.submittedAt < OLDEST_MS;
  });
  return { jobs: latest.reverse(), files: [...files.values()] };
}

function withBytes(file: Omit<PastFile, "bytes">, media: string): PastFile[] {
  try {
    return [{ ...file, bytes: new Uint8Array(readFileSync(join(media, file.id))) }];
  } catch {
    return [];
  }
}

/** Without the key, which may be a real one. */
export function pastOf(all: Job): PastJob {
  const { random: _, stop: _1, watchers: _2, payload: _3, state: _4, direct: _5, ...job } = all;
  const { authorization: _6, cookie: _7, ...headers } = job.headers;
  return { ...job, headers };
}

/** Requests and files, but not the port. */
export function forgetPast(directory: string): void {
  for (const name of ["requests.jsonl", "files"])
    rmSync(join(directory, name), { recursive: true, force: true });
}

export function keepPort(directory: string, port: number): void {
  writeFileSync(join(directory, "port"), String(port), { mode: 0o600 });
}

/** Undefined where no emulator has had the directory yet. */
export function lastPort(directory: string): number | undefined {
  try {
    const port = Number(readFileSync(join(directory, "port"), "utf8"));
    return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
  } catch {
    return undefined;
  }
}
