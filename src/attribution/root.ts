import { sha256 } from "../base/sha256.ts";
import type { Trace } from "./w3c.ts";

/** Where a chain through several apps began. */
export interface Root {
  /** The outermost run: `chain/id`. */
  readonly run: string | undefined;
  /** The runner that it began on; undefined outside of fal. */
  readonly job: string | undefined;
  readonly trace: Trace | undefined;
}

/** The keys of the `baggage` header that hold it. */
export const ROOT_RUN = "fal-chain.root-run";
export const ROOT_JOB = "fal-chain.root-job";
/** Who sent the request that the first app of ours in it took. */
export const ROOT_CALLER = "fal-chain.root-caller";

/** So that both names fit a `baggage` header, whatever they are made of. */
const LONGEST = 256;
const UNPRINTABLE = /\p{Cc}/gu;

/** Whether something that was received can be a root's name. */
export const isRootName = (name: string | undefined): boolean =>
  name !== undefined && name.length <= LONGEST && name.search(UNPRINTABLE) < 0;

/** A name as every app of a chain notes it: what does not fit is cut to a prefix and a hash. */
export async function rootName(name: string): Promise<string> {
  const plain = name.replace(UNPRINTABLE, "\u{fffd}").toWellFormed();
  if (plain.length <= LONGEST) return plain;
  return `${plain.slice(0, LONGEST - 17).toWellFormed()}~${(await sha256(name)).slice(0, 16)}`;
}

/** The same query, by the names that roots are noted under. */
export async function byRootNames<
  Q extends { readonly rootRun?: string | undefined; readonly rootJob?: string | undefined },
>(query: Q): Promise<Q> {
  const { rootRun, rootJob } = query;
  return {
    ...query,
    ...(rootRun !== undefined && { rootRun: await rootName(rootRun) }),
    ...(rootJob !== undefined && { rootJob: await rootName(rootJob) }),
  };
}

/** All calls of a root are of one trace, those of a run that is resumed too. */
export async function traceOf({ run, trace }: Root): Promise<Trace> {
  if (trace) return trace;
  const traceId =
    run === undefined ? crypto.randomUUID().replaceAll("-", "") : (await sha256(run)).slice(0, 32);
  return { traceId, flags: "01" };
}
