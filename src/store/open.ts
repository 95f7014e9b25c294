import type { Clock } from "../base/clock.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import type { Store } from "../journal/store.ts";
import { memoryStore } from "./memory.ts";
import { parseSelector } from "./selector.ts";

/**
 * The store that a text names, as `FAL_CHAIN_STORE` does: `memory`; `sqlite:PATH`, or a path that ends in `.db`,
 * `.sqlite` or `.sqlite3`; `postgres://…`. What a store needs is loaded only when it is named.
 *
 * @param options.clock What leases count on; a database has its own. @default the system's
 * @throws {InvalidArgumentError} naming these forms. @throws {StoreError} where it cannot be opened.
 */
export async function openStore(selector: string, options: { readonly clock?: Clock } = {}): Promise<Store> {
  const selected = parseSelector(selector);
  switch (selected?.kind) {
    case "memory":
      return memoryStore(options);
    case "postgres": {
      const { postgresStore } = await import("./postgres.ts");
      return postgresStore(selected.url);
    }
    case "sqlite": {
      const { sqliteStore } = await import("./sqlite.ts");
      return sqliteStore(selected.path, options);
    }
    default:
      // It may be a mistyped URL with a password in it, so it is not repeated.
      throw new InvalidArgumentError(
        "This is not the name of a store. Give `memory`, `sqlite:PATH` (or a path that ends in .db or .sqlite), or " +
          "`postgres://user:password@host/database`.",
      );
  }
}
