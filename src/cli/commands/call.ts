import { createFal, formatUsd, type Result, type Run } from "../../index.ts";
import {
  aside,
  download,
  EXIT,
  filesIn,
  printableJson,
  showRun,
  untilInterrupted,
} from "../../terminal/index.ts";
import { parseDuration, parseFields, parseTags, readInput } from "../inputs.ts";
import type { Io } from "../io.ts";

export interface CallCommandOptions {
  readonly input?: string;
  readonly json?: boolean;
  readonly out?: string;
  readonly tag?: readonly string[];
  readonly timeout?: string;
}

/** One call: its status on standard error while it works, what it gave on standard output. */
export async function call(
  { stdout, stderr, stdin, env }: Io,
  endpoint: string,
  fields: readonly string[],
  options: CallCommandOptions,
): Promise<number> {
  const input = parseFields(fields, await readInput(options.input, stdin));
  const tags = parseTags(options.tag ?? []);
  const timeout = options.timeout === undefined ? undefined : parseDuration(options.timeout);
  const fal = createFal({ env, logger: { warn: (_, message) => aside(stderr, message) } });
  // Said before anything else, and not as the failure of a call.
  void fal.environment.key;
  void fal.environment.origins;

  // A run of one call: it has the events, the cost and the table.
  const one = fal.chain("call", async (_: undefined, run): Promise<Result<unknown>> => {
    return run.subscribe(endpoint, { input, logs: true, ...(timeout !== undefined && { timeout }) });
  });
  try {
    return await untilInterrupted(async (abortSignal) => {
      const run = one.start(undefined, { abortSignal, tags });
      const result = await showRun(run, { output: stderr });
      const found = options.out === undefined ? {} : filesIn(result.data);
      const files =
        options.out === undefined ? [] : await download(found, options.out, { signal: abortSignal });
      if (options.out !== undefined && files.length === 0) stderr.write("The output holds no files.\n");

      if (options.json)
        stdout.write(`${printableJson({ endpoint, ...result, ...(await billOf(run)), files })}\n`);
      else if (files.length > 0) stdout.write(`${files.join("\n")}\n`);
      else stdout.write(`${printableJson(result.data)}\n`);
      return EXIT.ok;
    }, stderr);
  } finally {
    await fal.close();
  }
}

/** What the run's events say beside the result: the tags that were sent, and the cost. */
async function billOf(run: Run<unknown>) {
  const bill: Record<string, unknown> = {};
  for await (const event of run.events()) {
    if (event.type === "call" && event.event.type === "submitted") bill["tags"] = event.event.tags;
    if (event.type === "charged") {
      const { cost } = event;
      bill["cost"] = cost.source === "measured" ? { ...cost, usd: formatUsd(cost.nanoUsd).slice(1) } : cost;
    }
  }
  return bill;
}
