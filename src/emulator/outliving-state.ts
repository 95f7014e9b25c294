import { createHmac, timingSafeEqual } from "node:crypto";
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
  /**
   * Who knows it may read its jobs and end it. It is in no argument list, where neighbours could read it, and on no wire:
   * each side shows that it knows it, the emulator first.
   */
  readonly token: string;
}

/** Where it is asked, and by which headers each side asks the other for a proof and gives its own. */
export const CONTROL = {
  path: "/outliving",
  challenge: "x-outliving-challenge",
  proof: "x-outliving-proof",
} as const;

/** What only who knows the token can make of a challenge. It holds the address, so that nobody in between passes it on. */
export const proofOf = (token: string, side: "emulator" | "program", challenge: string): string =>
  createHmac("sha256", token).update(`${side}\n${challenge}`).digest("hex");

export function isProof(given: string | null, expected: string): boolean {
  const [a, b] = [Buffer.from(given ?? ""), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
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
