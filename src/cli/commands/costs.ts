import { type CostKey, type CostQuery, InvalidArgumentError } from "../../index.ts";
import { costTable, EXIT, printableJson } from "../../terminal/index.ts";
import { costsCsv } from "../costs-csv.ts";
import { writeFocus } from "../focus.ts";
import { parseTags } from "../inputs.ts";
import type { Io } from "../io.ts";
import { type StoreOptions, withClient } from "../store.ts";
import { writeReport } from "./costs-html.ts";

export interface CostsOptions extends StoreOptions {
  readonly by?: string;
  readonly since?: string;
  readonly until?: string;
  readonly endpoint?: string;
  readonly chain?: string;
  readonly run?: string;
  readonly tag?: readonly string[];
  readonly waste?: boolean;
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly focus?: boolean;
  readonly html?: string;
}

/** What the calls in the store cost. */
export async function costs(io: Io, options: CostsOptions): Promise<number> {
  const { stdout } = io;
  const query = queryOf(options);
  const { by = [] } = query;
  return withClient(io, options, async (fal) => {
    if (options.focus) {
      await writeFocus(fal, query, stdout);
      return EXIT.ok;
    }
    const found = await fal.costs(query);
    if (options.html !== undefined) await writeReport(fal, { ...query, by }, found, options.html);
    if (options.json) stdout.write(`${printableJson(found)}\n`);
    else if (options.csv) stdout.write(costsCsv(found, by));
    else if (found.total.calls === 0) stdout.write("No such calls are in the store.\n");
    else stdout.write(`${costTable(found, { output: stdout, by, waste: options.waste })}\n`);
    return EXIT.ok;
  });
}

function queryOf({ by, tag, run, ...options }: CostsOptions): CostQuery {
  if (options.json && options.csv) throw new InvalidArgumentError("Say one of --json and --csv.");
  if (options.focus && (options.json || options.csv || options.html !== undefined || by !== undefined)) {
    throw new InvalidArgumentError(
      "--focus prints one row per call: leave --json, --csv, --html and --by out.",
    );
  }
  const { since, until, endpoint } = options;
  const [chain, id] = run === undefined ? [options.chain] : chainAndId(run, options.chain);
  return {
    by: (by ?? (run === undefined ? "endpoint" : "step,endpoint"))
      .split(",")
      .map((key) => key.trim() as CostKey),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    ...(endpoint !== undefined && { endpoint }),
    ...(chain !== undefined && { chain }),
    ...(id !== undefined && { run: id }),
    ...(tag && { tags: parseTags(tag) }),
  };
}

/** `poster/order-1042`; or the id alone, of whichever chain. */
function chainAndId(run: string, chain: string | undefined): [string | undefined, string] {
  const at = run.indexOf("/");
  return chain === undefined && at > 0 ? [run.slice(0, at), run.slice(at + 1)] : [chain, run];
}
