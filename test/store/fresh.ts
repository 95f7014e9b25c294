import type { Store } from "fal-chain";

/** An empty store, and what lets time pass for its leases. */
export type Fresh = () => Promise<{ store: Store; pass(ms: number): Promise<void> }>;
