import { readFile } from "node:fs/promises";
import { type Cost, createFal, formatUsd, InvalidArgumentError, type Result } from "../../index.ts";
import { download, filesIn, showRun, untilInterrupted } from "../../terminal/index.ts";
import { parseDuration, parseFields, parseTags } from "../inputs.ts";
import { EXIT, type Io } from "../io.ts";

export interface CallCommandOptions {
  readonly input?: string;
  readonly json?: boolean;
  readonly out?: string;
  readonly tag: readonly string[];
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
  const tags = parseTags(options.tag);
  const timeout = options.timeout === undefined ? undefined : parseDuration(options.timeout);
  const fal = createFal({ env });
  // Said before anything else, and not as the failure of a call.
  void fal.environment.key;
  void fal.environment.origins;

  // A run of one call: it has the events, the cost and the table.
  const one = fal.chain("call", async (_: undefined, run): Promise<Result<unknown>> => {
    const settings = { input, tags, logs: true, ...(timeout !== undefined && { timeout }) };
    return run.subscribe(endpoint, settings);
  });
  try {
    return await untilInterrupted(async (abortSignal) => {
      const run = one.start(undefined, { abortSignal });
      const result = await showRun(run, stderr);
      const cost = await costOf(run);
      const files = options.out
        ? await download(filesIn(result.data), options.out, { signal: abortSignal })
        : [];
      stdout.write(options.json ? asJson({ endpoint, ...result, cost, files }) : asText(result.data, files));
      return EXIT.ok;
    }, stderr);
  } finally {
    await fal.close();
  }
}

async function readInput(source: string | undefined, stdin: Io["stdin"]): Promise<Record<string, unknown>> {
  if (source === undefined) return {};
  const text = source === "-" ? await readAll(stdin) : await readFile(source, "utf8");
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new InvalidArgumentError(
    `${source === "-" ? "Standard input" : source} does not hold a JSON object.`,
  );
}

async function readAll(stdin: Io["stdin"]): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stdin) chunks.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  return Buffer.concat(chunks).toString("utf8");
}

async function costOf(run: { events(): AsyncIterable<{ type: string; cost?: Cost }> }) {
  for await (const event of run.events()) {
    if (event.type === "charged" && event.cost) {
      return event.cost.source === "measured"
        ? { ...event.cost, usd: formatUsd(event.cost.nanoUsd).slice(1) }
        : event.cost;
    }
  }
  return undefined;
}

const asJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
const asText = (data: unknown, files: readonly string[]): string =>
  files.length > 0 ? `${files.join("\n")}\n` : asJson(data);
