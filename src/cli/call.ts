import { parseOwn } from "../base/json.ts";
import {
  type AmbiguousSubmitPolicy,
  type CallRecord,
  createFal,
  type Fal,
  formatUsd,
  type Result,
  type Run,
} from "../index.ts";
import { download, EXIT, filesIn, printableJson, showRun, untilInterrupted } from "../terminal/index.ts";
import type { Io } from "./cli.ts";
import { loggerFor } from "./client.ts";
import { parseDuration, parseFields, parseTags, readInput } from "./inputs.ts";
import { withStore } from "./store.ts";

export interface OutputOptions {
  readonly json?: boolean;
  readonly out?: string;
}

export interface CallCommandOptions extends OutputOptions {
  readonly input?: string;
  readonly tag?: readonly string[];
  readonly timeout?: string;
  readonly ambiguousSubmit?: string;
  readonly store?: string;
}

/** One call: its status on standard error while it works, what it gave on standard output. */
export async function callEndpoint(
  io: Io,
  endpoint: string,
  fields: readonly string[],
  options: CallCommandOptions,
): Promise<number> {
  const input = parseFields(fields, await readInput(options.input, io.stdin));
  const tags = parseTags(options.tag ?? []);
  const timeout = options.timeout === undefined ? undefined : parseDuration(options.timeout);
  const fal = createFal({
    env: withStore(io, options.store),
    ...loggerFor(io),
    ...(options.ambiguousSubmit !== undefined && {
      ambiguousSubmit: options.ambiguousSubmit as AmbiguousSubmitPolicy,
    }),
  });
  // Said before anything else, and not as the failure of a call.
  void fal.environment.key;
  void fal.environment.origins;

  try {
    return await untilInterrupted(async (abortSignal) => {
      const id = `${RUN_PREFIX}${crypto.randomUUID().replaceAll("-", "")}`;
      const run = oneCall(fal, endpoint, input, timeout).start(undefined, { id, abortSignal, tags });
      return showAndPrint(io, fal, run, endpoint, options, abortSignal);
    }, io.stderr);
  } finally {
    await fal.close();
  }
}

/** Tells a run of this command from one of a program whose chain has the same name. */
const RUN_PREFIX = "cli-";

/** Goes on with a call of this command, once it was said what had become of it. Undefined where it is none. */
export function resumeCall(
  fal: Fal,
  { for: { chain, run }, endpoint, body }: CallRecord,
): Run<Result<unknown>> | undefined {
  if (chain !== CHAIN || !run?.startsWith(RUN_PREFIX) || body === undefined) return undefined;
  return oneCall(fal, endpoint, parseOwn(body) as object, undefined).resume(run);
}

const CHAIN = "call";

/** A run of one call: it has the events, the cost and the table. */
const oneCall = (fal: Fal, endpoint: string, input: object, timeout: number | undefined) =>
  fal.chain(CHAIN, async (_: undefined, run): Promise<Result<unknown>> => {
    const settings = { input, logs: true, ...(timeout !== undefined && { timeout }) };
    const result = await run.subscribe(endpoint, settings);
    return { ...result, data: withoutBytes(result.data) };
  });

/** Bytes as a file in a data: URI, which JSON can say, and which `--out` saves. */
export const withoutBytes = (data: unknown): unknown =>
  data instanceof ArrayBuffer
    ? { url: `data:application/octet-stream;base64,${Buffer.from(data).toString("base64")}` }
    : data;

/** Shows a run of one call, and writes what it gave. */
export async function showAndPrint(
  { stdout, stderr }: Io,
  fal: Fal,
  run: Run<Result<unknown>>,
  endpoint: string,
  options: OutputOptions,
  signal: AbortSignal,
): Promise<number> {
  const result = await showRun(run, { output: stderr });
  const found = options.out === undefined ? {} : filesIn(result.data);
  const origins = fal.environment.origins.trusted;
  const files = options.out === undefined ? [] : await download(found, options.out, { signal, origins });
  if (options.out !== undefined && files.length === 0) stderr.write("The output holds no files.\n");

  if (options.json)
    stdout.write(`${printableJson({ endpoint, ...result, ...(await billOf(run)), files })}\n`);
  else if (files.length > 0) stdout.write(`${files.join("\n")}\n`);
  else stdout.write(`${printableJson(result.data)}\n`);
  return EXIT.ok;
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
