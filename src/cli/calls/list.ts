import { timeOf } from "../../base/time.ts";
import type { CallQuery, CallState } from "../../index.ts";
import { EXIT, printableJson, recordTable } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { type StoreOptions, withClient } from "../client.ts";
import { parseLimit, parseOneOf } from "../inputs.ts";

interface ListOptions extends StoreOptions {
  readonly state?: string;
  readonly endpoint?: string;
  readonly since?: string;
  readonly limit: string;
}

const STATES: readonly CallState[] = [
  "intended",
  "submitted",
  "ambiguous",
  "completed",
  "failed",
  "given-up",
];

/** Prints the calls in the store, the newest first. */
export async function listCalls(io: Io, options: ListOptions): Promise<number> {
  const query: CallQuery = {
    limit: parseLimit(options.limit),
    ...(options.state !== undefined && { state: parseOneOf("--state", options.state, STATES) }),
    ...(options.endpoint !== undefined && { endpoint: options.endpoint }),
    ...(options.since !== undefined && { since: timeOf(options.since, Date.now()) }),
  };
  return withClient(io, options, async (fal) => {
    const calls = await fal.calls.list(query);
    if (options.json) io.stdout.write(`${printableJson(calls)}\n`);
    else if (calls.length === 0) io.stdout.write("No such calls are in the store.\n");
    else io.stdout.write(`${recordTable(calls, io.stdout)}\n`);
    return EXIT.ok;
  });
}
