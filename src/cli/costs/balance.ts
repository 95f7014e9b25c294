import { formatUsd } from "../../index.ts";
import { EXIT, printable, printableJson } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { type StoreOptions, withClient } from "../client.ts";

/** What the account has left to spend. */
export async function balance(io: Io, options: StoreOptions): Promise<number> {
  return withClient(io, options, async (fal) => {
    const found = await fal.balance();
    const { account, nano, currency } = found;
    const amount = currency === "USD" ? formatUsd(nano) : `${formatUsd(nano).replace("$", "")} ${currency}`;
    const inWords =
      `${printable(account)} has ${printable(amount)} of credit left.\n` +
      "fal tells one amount: credit that was bought and credit that was given are not told apart.\n";
    io.stdout.write(options.json ? `${printableJson(found)}\n` : inWords);
    return EXIT.ok;
  });
}
