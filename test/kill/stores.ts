import type { Store } from "fal-chain";
import { postgresStore } from "fal-chain/postgres";
import { sqliteStore } from "fal-chain/sqlite";

/** The store that a selector names: a PostgreSQL server, or a file. */
export const storeAt = (selector: string): Store =>
  selector.startsWith("postgres:") ? postgresStore(selector) : sqliteStore(selector);
