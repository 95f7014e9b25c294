import type { Store } from "fal-chain";
import { sqliteStore } from "fal-chain/sqlite";

/** The store that a selector names: a file, or a PostgreSQL server. */
export async function storeAt(selector: string): Promise<Store> {
  return sqliteStore(selector);
}
