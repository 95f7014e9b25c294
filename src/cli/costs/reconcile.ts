import { formatUsd, type Reconciliation } from "../../index.ts";
import { EXIT, printable, printableJson, wrap } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { type StoreOptions, withClient } from "../client.ts";
import { parseTags } from "../inputs.ts";

/** Lines of a list that are printed; `--json` has them all. */
const MOST_LINES = 20;

interface ReconcileCommand extends StoreOptions {
  readonly since?: string | undefined;
  readonly tag?: readonly string[] | undefined;
  readonly keyId?: readonly string[] | undefined;
}

/** Compares the ledger with the account's bill, and records what that says. */
export async function reconcile(
  io: Io,
  { since, tag, keyId, ...options }: ReconcileCommand,
): Promise<number> {
  return withClient(io, options, async (fal) => {
    const found = await fal.reconcile({
      ...(since !== undefined && { since }),
      ...(tag && { tags: parseTags(tag) }),
      ...(keyId && { keyIds: keyId }),
    });
    io.stdout.write(options.json ? `${printableJson(found)}\n` : inWords(found, io));
    return EXIT.ok;
  });
}

function inWords(found: Reconciliation, { stdout }: Io): string {
  const { account, matched, unreadable, late, free, isIncomplete, isCut } = found;
  const whose = account === undefined ? "the bill" : `the bill of ${printable(account)}`;
  const odd = new Set(unreadable.map(({ requestId }) => requestId));
  const booked = matched.filter(({ requestId }) => !odd.has(requestId));
  const prose = (text: string) => wrap(text.split(" "), stdout.columns ?? 80);
  return [
    ...prose(
      `${counted(booked.length, "call")} on ${whose}, for ${sum(booked, "invoicedNanoUsd")}; recorded as invoiced.`,
    ),
    ...(late.length > 0 ? prose(`${counted(late.length, "call")} not on it yet: it is late by hours.`) : []),
    ...(free.length > 0
      ? prose(`${counted(free.length, "failed call")} not on it, and recorded as free.`)
      : []),
    ...listsOf(found).flat(),
    ...(isIncomplete ? prose(INCOMPLETE) : []),
    ...(isCut ? prose(ONLY_NEWEST) : []),
    "",
  ].join("\n");
}

const INCOMPLETE =
  "The bill is incomplete: a page says that there is more, and not where. Calls were asked for by their request ids; what " +
  "could not be told of is in no list, and what others were billed is told in part.";
const ONLY_NEWEST =
  "Only the newest 10,000 calls were looked for: in a program, fal.reconcile({ limit }) looks for more.";

/** What does not agree, each with its lines. */
function listsOf({ drift, revised, missing, elsewhere, unseen, unreadable }: Reconciliation): string[][] {
  const call = ({ requestId, endpoint }: { requestId: string; endpoint: string }) =>
    `${requestId}  ${endpoint}`;
  return [
    list(
      drift,
      "cost something else than was measured:",
      (one) =>
        `${call(one)}  ${formatUsd(one.measuredNanoUsd)} measured, ${formatUsd(one.invoicedNanoUsd)} invoiced`,
    ),
    list(
      revised,
      "cost something else than the bill said before:",
      (one) =>
        `${call(one)}  ${formatUsd(one.invoicedBeforeNanoUsd)} before, ${formatUsd(one.invoicedNanoUsd)} now`,
    ),
    list(missing, "should be on the bill and are not:", call),
    list(
      elsewhere,
      "were paid with keys that are not this account's:",
      (one) => `${call(one)}  key ${one.keyId ?? "unknown"}`,
    ),
    list(
      unseen,
      `on the bill are not in this ledger (${sum(unseen, "nanoUsd")}):`,
      (one) => `${call(one)}  ${formatUsd(one.nanoUsd)}`,
    ),
    list(
      unreadable,
      "on the bill could not be booked:",
      ({ requestId, problem }) => `${requestId ?? "a request that is not named"}  ${problem}`,
    ),
  ];
}

const counted = (count: number, what: string): string =>
  count === 1 ? `1 ${what} is` : `${count} ${what}s are`;

const sum = <K extends string>(items: readonly Readonly<Record<K, number>>[], name: K): string =>
  formatUsd(items.reduce((sum, item) => sum + BigInt(item[name]), 0n));

function list<T>(items: readonly T[], what: string, line: (item: T) => string): string[] {
  if (items.length === 0) return [];
  const left = items.length - MOST_LINES;
  return [
    `${items.length} ${what}`,
    ...items.slice(0, MOST_LINES).map((item) => `  ${printable(line(item))}`),
    ...(left > 0 ? [`  and ${left} more: --json has them all`] : []),
  ];
}
