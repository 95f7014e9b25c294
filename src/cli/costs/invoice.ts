import { writeFile } from "node:fs/promises";
import { type Fal, formatUsd, InvalidArgumentError, type Invoice } from "../../index.ts";
import { dollarsOf, invoicePage, periodText } from "../../report/index.ts";
import { aside, drawTable, EXIT, printable, printableJson } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { type StoreOptions, withClient } from "../client.ts";
import { parseTags } from "../inputs.ts";
import { toCsv } from "./csv.ts";

export interface InvoiceOptions extends StoreOptions {
  readonly invoice: readonly string[];
  readonly since?: string;
  readonly until?: string;
  readonly markup?: string;
  readonly from?: string;
  readonly number?: string;
  readonly csv?: boolean;
  readonly html?: string;
}

const TAKEN = ["invoice", "since", "until", "markup", "from", "number", "csv", "html", "json", "store"];

/** What somebody is to pay: as a page and as CSV that can be sent, and here with what the sender should know. */
export async function writeInvoice(io: Io, options: InvoiceOptions): Promise<number> {
  const { stdout, stderr } = io;
  assertOfInvoice(options);
  return withClient(io, options, async (fal) => {
    const invoice = await invoiceFor(fal, options);
    const to = Object.values(invoice.tags).join(", ");
    if (options.html !== undefined) {
      const { from, number } = options;
      const page = invoicePage({ invoice, from, to, number, issuedAt: Date.now() });
      await writeFile(options.html, page).catch((cause: Error) => {
        throw new InvalidArgumentError(`${options.html} could not be written: ${cause.message}.`, { cause });
      });
      aside(stderr, `Wrote ${options.html}`);
    }
    if (options.json) stdout.write(`${printableJson(invoice)}\n`);
    else if (options.csv) stdout.write(invoiceCsv(invoice, to, options.number));
    else if (options.html === undefined) stdout.write(`${invoiceTable(invoice, to, io)}\n`);
    for (const note of notesFor(invoice)) aside(stderr, note);
    return EXIT.ok;
  });
}

function assertOfInvoice(options: InvoiceOptions): void {
  const others = Object.keys(options).filter((name) => !TAKEN.includes(name));
  if (others.length > 0) {
    const names = others.map((name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
    throw new InvalidArgumentError(
      `--invoice is of all that was delivered: leave --${names.join(", --")} out.`,
    );
  }
  if (options.json && options.csv) throw new InvalidArgumentError("Say one of --json and --csv.");
}

function invoiceFor(fal: Fal, { invoice, since, until, markup }: InvoiceOptions): Promise<Invoice> {
  return fal.invoice({
    tags: parseTags(invoice),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    ...(markup !== undefined && { markup: shareOf(markup) }),
  });
}

/** `20%` and `0.2`. */
function shareOf(text: string): number {
  const [, number, percent] = /^(-?\d+(?:\.\d+)?)\s*(%?)$/.exec(text.trim()) ?? [];
  if (number !== undefined) return percent ? Number(number) / 100 : Number(number);
  throw new InvalidArgumentError(`--markup is ${JSON.stringify(text)}; it is a share such as 20% or 0.2.`);
}

function invoiceCsv(invoice: Invoice, to: string, number: string | undefined): string {
  const { since, until, lines, currency } = invoice;
  const iso = (at: number) => new Date(at).toISOString().replace(".000Z", "Z");
  const head = ["invoice", "billed_to", "period_start", "period_end", "model", "calls", "amount", "currency"];
  return toCsv(
    head,
    lines.map(({ endpoint, calls, cents }) => [
      ...[number ?? "", to, iso(since), iso(until), endpoint, calls, dollarsOf(cents), currency],
    ]),
  );
}

function invoiceTable(invoice: Invoice, to: string, { stdout }: Io): string {
  const { lines, totalCents } = invoice;
  const total = {
    endpoint: "total",
    calls: lines.reduce((sum, { calls }) => sum + calls, 0),
    cents: totalCents,
  };
  const table = drawTable(
    lines,
    [
      { name: "model", align: "left", cell: ({ endpoint }) => printable(endpoint, 80) },
      { name: "calls", align: "right", cell: ({ calls }) => String(calls) },
      { name: "amount", align: "right", cell: ({ cents }) => `$${dollarsOf(cents)}` },
    ],
    stdout,
    { foot: total },
  );
  return `${printable(to, 200)}, ${periodText(invoice)}\n${lines.length > 0 ? table : "No calls."}`;
}

/** For the sender alone. */
function notesFor({ totalCents, notes }: Invoice): string[] {
  const { costNanoUsd, unpriced, notInvoicedNanoUsd, unmarkedNanoUsd, wasteNanoUsd } = notes;
  const when = (is: boolean, note: string) => (is ? [note] : []);
  return [
    `For you alone: these calls cost you ${formatUsd(costNanoUsd)} of the $${dollarsOf(totalCents)}.`,
    ...when(unpriced > 0, `Not on it: ${unpriced} ${unpriced === 1 ? "call" : "calls"} of unknown cost.`),
    ...when(wasteNanoUsd > 0, `Not on it: ${formatUsd(wasteNanoUsd)} for what failed or was not used.`),
    ...when(
      unmarkedNanoUsd > 0,
      `${formatUsd(unmarkedNanoUsd)} of it had no markup: --markup sets one for that.`,
    ),
    ...when(
      notInvoicedNanoUsd > 0,
      `${formatUsd(notInvoicedNanoUsd)} of it is what was measured, and fal's bill may say otherwise: reconcile first.`,
    ),
  ];
}
