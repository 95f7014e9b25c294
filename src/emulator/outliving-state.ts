import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import * as z from "zod";
import type { JobView } from "./job.ts";

/** What an outliving emulator is started with. */
export interface Told {
  /** Where it writes how it can be reached. */
  readonly file: string;
  /** How long it goes on when nobody asks it for anything, in milliseconds. */
  readonly idleMs: number;
  /** Who knows it may read its jobs and end it. Whatever else listens on its port one day does not know it. */
  readonly token: string;
}

/** What it says once it listens. */
export interface Started {
  readonly url: string;
}

/** A request that it accepted. */
export type OutlivingJob = Pick<JobView, "requestId" | "endpoint" | "input" | "tags" | "state">;

const State = z.object({ url: z.url(), pid: z.int(), token: z.string() });
export type State = z.output<typeof State>;

/** Whole or not at all, for this user only. */
export function tellState(file: string, state: State): void {
  mkdirSync(dirname(file), { recursive: true });
  const partial = `${file}.${state.pid}`;
  writeFileSync(partial, `${JSON.stringify(state)}\n`, { mode: 0o600 });
  renameSync(partial, file);
}

/** Undefined where nothing is told, or something else. */
export function readState(file: string): State | undefined {
  try {
    return State.safeParse(JSON.parse(readFileSync(file, "utf8"))).data;
  } catch {
    return undefined;
  }
}
