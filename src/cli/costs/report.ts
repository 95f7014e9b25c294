import {
  type CostKey,
  type CostQuery,
  type CurrencyRate,
  type Fal,
  InvalidArgumentError,
} from "../../index.ts";
import { aside, costTable, EXIT, printableJson, runnerTable, runTree } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { type StoreOptions, withClient } from "../client.ts";
import { FOCUS_VERSIONS, type FocusFacts } from "../focus/columns.ts";
import { focusNotes, writeFocus } from "../focus/write.ts";
import { parseTags } from "../inputs.ts";
import { costsCsv } from "./csv.ts";
import { writeReport } from "./html.ts";
import { runNamed, runsOf } from "./named-runs.ts";

export interface CostsOptions extends StoreOptions {
  readonly by?: string;
  readonly since?: string;
  readonly until?: string;
  readonly endpoint?: string;
  readonly chain?: string;
  readonly run?: string;
  readonly tag?: readonly string[];
  readonly keyId?: readonly string[];
  readonly currency?: string;
  readonly waste?: boolean;
  readonly runners?: boolean;
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly focus?: boolean | string;
  readonly billingAccount?: string;
  readonly html?: string;
}

/** What the calls in the store cost. */
export async function reportCosts(io: Io, options: CostsOptions): Promise<number> {
  const { stdout } = io;
  assertGoTogether(options);
  const facts = focusFacts(options);
  return withClient(io, options, async (fal) => {
    const named =
      options.run === undefined
        ? options.chain && { chain: options.chain }
        : await runNamed(fal, options.run, options.chain);
    const query: CostQuery = { ...queryOf(options), ...named };
    if (facts) {
      const left = await writeFocus(fal, query, facts, stdout);
      for (const note of focusNotes(left)) aside(io.stderr, note);
      return EXIT.ok;
    }
    const { by = options.run === undefined ? BY_DEFAULT : BY_STEP } = query;
    const found = await fal.costs({ ...query, by });
    if (options.html !== undefined) {
      await writeReport(fal, { ...query, by }, found, options.html);
      aside(io.stderr, `Wrote ${options.html}`);
    }
    if (options.json) stdout.write(`${printableJson(found)}\n`);
    else if (options.csv) stdout.write(costsCsv(found, by));
    else if (isOfWholeRun(options)) stdout.write(`${(await treesOf(fal, query, io)) || NO_CALLS}\n`);
    else if (found.total.calls === 0) stdout.write(`${NO_CALLS}\n`);
    else stdout.write(`${costTable(found, { output: stdout, by, waste: options.waste })}\n`);
    if (found.runners && !options.json)
      stdout.write(`\n${runnerTable(found.runners, found.total, stdout)}\n`);
    return EXIT.ok;
  });
}

const BY_DEFAULT: readonly CostKey[] = ["endpoint"];
const BY_STEP: readonly CostKey[] = ["step", "endpoint"];

/** A tree is of all that a run did; whoever chooses among its calls, or how to group them, gets a table. */
const isOfWholeRun = ({
  run,
  by,
  since,
  until,
  endpoint,
  tag,
  keyId,
  currency,
  waste,
}: CostsOptions): boolean =>
  run !== undefined &&
  [by, since, until, endpoint, tag, keyId, currency, waste].every((option) => option === undefined);

const NO_CALLS = "No such calls are in the store.";

async function treesOf(fal: Fal, query: CostQuery, { stdout }: Io): Promise<string> {
  const { chain, run } = query;
  const runs = chain !== undefined && run !== undefined ? [{ chain, run }] : await runsOf(fal, query);
  const trees: string[] = [];
  for (const { chain, run } of runs) {
    const parts = await fal.runs.parts(chain, run);
    if (parts.some(({ steps }) => steps.length > 0)) trees.push(runTree(parts, stdout));
  }
  return trees.join("\n\n");
}

/** A call has one value of a tag. */
function oneValueEach(tags: Record<string, string>, given: number): Record<string, string> {
  if (Object.keys(tags).length === given) return tags;
  throw new InvalidArgumentError(
    "--tag names the same tag twice, and a call has one value of it. Ask for each, or group --by tag:NAME.",
  );
}

/** Undefined where it is not asked for. */
function focusFacts({ focus, billingAccount }: CostsOptions): FocusFacts | undefined {
  if (focus === undefined || focus === false) {
    if (billingAccount === undefined) return undefined;
    throw new InvalidArgumentError("--billing-account is said with --focus.");
  }
  const version = FOCUS_VERSIONS.find((one) => one === (focus === true ? FOCUS_VERSIONS[0] : focus));
  if (version) return { version, billingAccount };
  throw new InvalidArgumentError(
    `--focus is for version ${FOCUS_VERSIONS.join(" or ")}, such as --focus=1.3.`,
  );
}

/** `EUR=0.92@2026-11-01` */
function rateOf(text: string): CurrencyRate {
  const [, code = "", perUsd = "", on = ""] = /^([A-Za-z]{3})=([\d.]+)@(.+)$/.exec(text.trim()) ?? [];
  return { code: code.toUpperCase(), perUsd: Number(perUsd), on };
}

/** A call has one key. */
function oneKey([keyId = "", ...others]: readonly string[]): string {
  if (others.length === 0) return keyId;
  throw new InvalidArgumentError(
    "--key-id is given twice, and a call has one key. Group --by key_id instead.",
  );
}

function assertGoTogether({ json, csv, focus, html, by, runners }: CostsOptions): void {
  if (runners && (csv || focus || html !== undefined)) {
    throw new InvalidArgumentError(
      "--runners prints a table or --json: leave --csv, --focus and --html out.",
    );
  }
  if (json && csv) throw new InvalidArgumentError("Say one of --json and --csv.");
  if (focus && (json || csv || html !== undefined || by !== undefined)) {
    throw new InvalidArgumentError(
      "--focus prints one row per charge: leave --json, --csv, --html and --by out.",
    );
  }
}

function queryOf({ by, since, until, endpoint, tag, keyId, runners, currency }: CostsOptions): CostQuery {
  return {
    ...(by !== undefined && { by: by.split(",").map((key) => key.trim() as CostKey) }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    ...(endpoint !== undefined && { endpoint }),
    ...(keyId?.[0] !== undefined && { keyId: oneKey(keyId) }),
    ...(runners && { runners }),
    ...(currency !== undefined && { currency: rateOf(currency) }),
    ...(tag && { tags: oneValueEach(parseTags(tag), tag.length) }),
  };
}
