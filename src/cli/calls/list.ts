import { once } from "node:events";
import { timeOf } from "../../base/time.ts";
import type { CallQuery, CallState, Fal } from "../../index.ts";
import { EXIT, type Output, printableJson, recordTable } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { type StoreOptions, withClient } from "../client.ts";
import { parseListLimit, parseOneOf, sayHowMany } from "../inputs.ts";
import { asShown } from "./as-shown.ts";
import { pages } from "./pages.ts";

interface ListOptions extends StoreOptions {
  readonly state?: string;
  readonly endpoint?: string;
  readonly since?: string;
  readonly limit?: string;
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
    ...(options.state !== undefined && { state: parseOneOf("--state", options.state, STATES) }),
    ...(options.endpoint !== undefined && { endpoint: options.endpoint }),
    ...(options.since !== undefined && { since: timeOf(options.since, Date.now()) }),
  };
  const limit = parseListLimit(options);
  return withClient(io, options, async (fal) => {
    if (options.json && options.limit === undefined) {
      await writeAll(fal, query, io.stdout);
      return EXIT.ok;
    }
    // One more tells whether there are more.
    const found = await fal.calls.list({ ...query, limit: limit + 1 });
    const calls = found.slice(0, limit);
    if (options.json) io.stdout.write(`${printableJson(calls.map(asShown))}\n`);
    else if (calls.length === 0) io.stdout.write("No such calls are in the store.\n");
    else io.stdout.write(`${recordTable(calls, io.stdout)}\n`);
    if (found.length > limit) sayHowMany(io, limit, await countOf(fal, query), "calls");
    return EXIT.ok;
  });
}

/** All of a query as one JSON array, as fast as the reader takes them. */
async function writeAll(fal: Fal, query: CallQuery, output: Output): Promise<void> {
  let before = "[\n";
  for await (const page of pages(fal, query)) {
    let text = "";
    for (const call of page) {
      text += `${before}  ${printableJson(asShown(call)).replaceAll("\n", "\n  ")}`;
      before = ",\n";
    }
    if (text !== "" && !output.write(text)) await once(output, "drain");
  }
  output.write(before === ",\n" ? "\n]\n" : "[]\n");
}

/** By a sum where one tells, so that a long ledger need not be read. */
async function countOf(fal: Fal, { state, ...query }: CallQuery): Promise<number> {
  if (state !== undefined) return (await fal.calls.list({ ...query, state })).length;
  const { endpoint, since } = query;
  const { total } = await fal.costs({
    by: [],
    ...(endpoint !== undefined && { endpoint }),
    ...(since !== undefined && { since: new Date(since) }),
  });
  return total.calls;
}
