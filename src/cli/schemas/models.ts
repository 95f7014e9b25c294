import { formatUsd } from "../../index.ts";
import { aside, drawTable, EXIT, printable, printableJson } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { parseListLimit } from "../inputs.ts";
import { catalogFor } from "./catalog.ts";

export interface ModelsOptions {
  readonly category?: string;
  readonly limit?: string;
  readonly json?: boolean;
}

/** Lists what of fal's catalog fits some words, with prices where there is a key to ask for them. */
export async function listModels(io: Io, words: readonly string[], options: ModelsOptions): Promise<number> {
  const { stdout, stderr } = io;
  const catalog = catalogFor(io);
  const { category } = options;
  const limit = parseListLimit(options.limit === undefined ? {} : { limit: options.limit });
  const found = await catalog.search({
    text: words.join(" "),
    limit,
    ...(category !== undefined && { category }),
  });
  const ids = found.map(({ id }) => id);
  const prices = catalog.keyless || ids.length === 0 ? new Map() : await catalog.prices(ids);
  const rows = found.map(({ document: _, ...entry }) => {
    const price = prices.get(entry.id);
    return {
      ...entry,
      ...(price && { price: { unit: price.unit, usd: formatUsd(price.unitPriceNanoUsd).slice(1) } }),
    };
  });
  if (options.json) {
    stdout.write(`${printableJson(rows)}\n`);
    return EXIT.ok;
  }
  if (rows.length === 0) {
    stderr.write(
      "Nothing in fal's catalog fits. It knows names, descriptions and categories such as image-to-video.\n",
    );
    return EXIT.ok;
  }
  const columns = [
    { name: "endpoint", align: "left", cell: ({ id }) => printable(id) },
    { name: "title", align: "left", cell: ({ title }) => printable(title), spare: 1 },
    { name: "category", align: "left", cell: (row) => printable(row.category), spare: 2 },
    { name: "status", align: "left", cell: ({ status }) => (status === "active" ? "" : printable(status)) },
    {
      name: "price",
      align: "right",
      cell: ({ price }) => (price ? `$${price.usd} / ${printable(price.unit)}` : ""),
    },
  ] satisfies Parameters<typeof drawTable<(typeof rows)[number]>>[1];
  stdout.write(`${drawTable(rows, columns, stdout)}\n`);
  if (rows.length === limit) stderr.write(`The first ${limit}. More: --limit ${limit * 5}\n`);
  if (catalog.keyless) aside(stderr, "Prices are told to those with a key: set FAL_KEY");
  return EXIT.ok;
}
