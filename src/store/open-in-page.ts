import { InvalidArgumentError } from "../errors/arguments.ts";
import { StoreError } from "../errors/store.ts";
import { parseSelector } from "./selector.ts";

/**
 * What bundles for pages have in place of `open.ts`, by the condition `browser`: stores that need a file or a socket, and the
 * modules that those need, are not for them.
 */
export async function openStore(selector: string): Promise<never> {
  const selected = parseSelector(selector);
  if (!selected) {
    throw new InvalidArgumentError(
      "This is not the name of a store. Give `memory`, which is all that a page has.",
    );
  }
  throw new StoreError(
    `A page cannot open a store of kind ${selected.kind}. Leave store out, and have the server that has the key keep what was ` +
      "called (fal-chain/proxy); or give a store of your own.",
  );
}
