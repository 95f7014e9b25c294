import * as z from "zod";
import { exactJson } from "./exact-json.ts";
import type { FileStore } from "./files.ts";
import type { Machine } from "./machine.ts";
import { type Past, type PastJob, pastOf } from "./past.ts";

const File = z.object({ id: z.string(), name: z.string(), contentType: z.string(), base64: z.base64() });
const Snapshot = z.object({ jobs: z.array(z.looseObject({ requestId: z.string() })), files: z.array(File) });

interface Parts {
  readonly machine: Machine;
  readonly files: FileStore;
  readonly past: Past | undefined;
}

/** Requests and files as JSON, without the keys that they came with. */
export function snapshotOf({ machine, files }: Parts): string {
  const told = files
    .all()
    .map(({ bytes, ...file }) => ({ ...file, base64: Buffer.from(bytes).toString("base64") }));
  return JSON.stringify({ jobs: [...machine.jobs.values()].map(pastOf), files: told });
}

/** @throws {RangeError} for what is no snapshot; then nothing has changed. */
export function restoreFrom(text: string, { machine, files, past }: Parts): void {
  const { jobs, files: told } = read(text);
  machine.forget();
  past?.forgetJobs();
  files.replace(
    told.map(({ base64, ...file }) => ({ ...file, bytes: new Uint8Array(Buffer.from(base64, "base64")) })),
  );
  for (const job of jobs as unknown as PastJob[]) {
    machine.restore(job);
    const restored = machine.jobs.get(job.requestId);
    if (restored) past?.noteJob(restored);
  }
}

function read(text: string): z.output<typeof Snapshot> {
  try {
    return Snapshot.parse(exactJson(text));
  } catch (cause) {
    throw new RangeError("This is no snapshot: it is what emulator.snapshot() gave.", { cause });
  }
}
