import { dollarsOf, type Invoice, periodText } from "../ledger/invoice.ts";
import { Html, html } from "./html.ts";

interface InvoicePage {
  readonly invoice: Invoice;
  /** Who sends it, and to whom; undefined: it is not said. */
  readonly from: string | undefined;
  readonly to: string;
  readonly number: string | undefined;
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
}

/** A page to be sent or printed: what is to be paid for what, and nothing of what it cost. It needs nothing beside itself. */
export function invoicePage({ invoice, from, to, number, issuedAt }: InvoicePage): string {
  const { lines, totalCents, currency } = invoice;
  const fact = (name: string, value: string | undefined) =>
    value !== undefined && html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Invoice${number !== undefined && html` ${number}`}</title><style>${STYLE}</style></head><body>
<h1>Invoice</h1>
<dl>${fact("Number", number)}${fact("From", from)}${fact("To", to)}${fact("Issued", day(issuedAt))}
${fact("Period", periodText(invoice))}</dl>
<table><thead><tr><th>Model</th><th class="end">Calls</th><th class="end">Amount, ${currency}</th></tr></thead>
<tbody>${lines.map(({ endpoint, calls, cents }) => html`<tr><td>${endpoint}</td><td class="end">${count(calls)}</td><td class="end">${amount(cents)}</td></tr>`)}
${lines.length === 0 && html`<tr><td colspan="3">No calls</td></tr>`}</tbody>
<tfoot><tr><td>Total</td><td class="end">${count(lines.reduce((sum, { calls }) => sum + calls, 0))}</td><td class="end">${amount(totalCents)}</td></tr></tfoot></table>
<p class="note">All amounts are in US dollars (${currency}). Each line is rounded to the cent, half a cent up; the total is the sum of the lines. Days and months are UTC’s.</p>
</body></html>
`.text;
}

const day = (at: number): string => new Date(at).toISOString().slice(0, 10);

/** `1,234.05`: in groups of three. */
const grouped = (text: string): string => text.replace(/\B(?=(\d{3})+(\.|$))/g, ",");
const count = (calls: number): string => grouped(String(calls));
const amount = (cents: number): string => grouped(dollarsOf(cents));

/** Paper: light whatever the reader's system is, and an A4 sheet when it is printed. */
const STYLE = new Html(`
:root { color-scheme: light; --text: #1c1c1a; --dim: #5f5f58; --line: #d6d6cf; }
@page { size: A4; margin: 20mm; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 44rem; padding: 3rem 1.25rem; background: #fff; color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
@media print { body { padding: 0; max-width: none; font-size: 11pt; } tr { break-inside: avoid; } tbody td { padding-block: 0.25rem; } .note { break-before: avoid; } thead { display: table-header-group; } }
h1 { font-size: 1.9rem; margin: 0 0 1.75rem; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1rem 1.5rem; margin: 0 0 2.25rem; }
dt { color: var(--dim); font-size: 0.85em; } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 0.5rem 0.75rem 0.5rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { color: var(--dim); font-weight: 500; } .end { text-align: right; padding-right: 0; padding-left: 0.75rem; white-space: nowrap; }
tfoot { display: table-row-group; } tfoot td { font-weight: 650; font-size: 1.1em; border-bottom: 0; border-top: 2px solid var(--text); }
.note { color: var(--dim); font-size: 0.87em; margin: 1.75rem 0 0; }
`);
