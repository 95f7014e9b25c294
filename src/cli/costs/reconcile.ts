import { formatUsd, type Reconciliation } from "../../index.ts";
import { EXIT, printable, printableJson } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { type StoreOptions, withClient } from "../client.ts";

/** Lines of a list that are printed; `--json` has them all. */
const MOST_LINES = 20;

/** Compares the ledger with the account's bill, and records what that says. */
export async function reconcile(
  io: Io,
  { since, ...options }: StoreOptions & { readonly since?: string | undefined },
): Promise<number> {
  return withClient(io, options, async (fal) => {
    const found = await fal.reconcile(since === undefined ? {} : { since });
    io.stdout.write(options.json ? `${printableJson(found)}\n` : inWords(found));
    return EXIT.ok;
  });
}

function inWords({ matched, drift, late, missing, unseen, isCut }: Reconciliation): string {
  const sum = (amounts: readonly number[]) => formatUsd(amounts.reduce((sum, nano) => sum + nano, 0));
  const invoiced = sum(matched.map(({ invoicedNanoUsd }) => invoicedNanoUsd));
  const lists = [
    list(
      drift,
      "cost something else than was measured:",
      ({ requestId, endpoint, invoicedNanoUsd, measuredNanoUsd }) =>
        `${requestId}  ${endpoint}  ${formatUsd(measuredNanoUsd)} measured, ${formatUsd(invoicedNanoUsd)} invoiced`,
    ),
    list(
      missing,
      "should be on the bill and are not:",
      ({ requestId, endpoint }) => `${requestId}  ${endpoint}`,
    ),
    list(
      unseen,
      `on the bill are not in this ledger (${sum(unseen.map(({ nanoUsd }) => nanoUsd))}):`,
      ({ requestId, endpoint, nanoUsd }) => `${requestId}  ${endpoint}  ${formatUsd(nanoUsd)}`,
    ),
  ];
  return [
    `${matched.length} calls are on the bill, for ${invoiced}; they are recorded as invoiced.`,
    ...(late.length > 0 ? [`${late.length} calls are not on it yet: it is late by hours.`] : []),
    ...lists.flat(),
    ...(isCut
      ? [
          "Only the newest 10,000 calls were looked for: in a program, fal.reconcile({ limit }) looks for more.",
        ]
      : []),
    "",
  ].join("\n");
}

function list<T>(items: readonly T[], what: string, line: (item: T) => string): string[] {
  if (items.length === 0) return [];
  const left = items.length - MOST_LINES;
  return [
    `${items.length} ${what}`,
    ...items.slice(0, MOST_LINES).map((item) => `  ${printable(line(item))}`),
    ...(left > 0 ? [`  and ${left} more: --json has them all`] : []),
  ];
}
