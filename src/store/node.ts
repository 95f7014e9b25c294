import { type Builtin, builtin } from "../base/builtin.ts";
import { StoreError } from "../errors/store.ts";

/** A database that is open. Its type is found without an import too. */
export type Database = InstanceType<Builtin<"node:sqlite">["DatabaseSync"]>;

/**
 * One of Node's modules: a bundle for another runtime only lacks it when it is used.
 *
 * @throws {StoreError} where there is none.
 */
export function nodeModule<Name extends "node:sqlite" | "node:fs" | "node:path" | "node:crypto">(
  name: Name,
): Builtin<Name> {
  const module = builtin(name);
  if (!module) {
    throw new StoreError(
      `This store needs the module ${name}, which this runtime does not have: use Node 22.13 or newer, or another store.`,
    );
  }
  return module;
}
