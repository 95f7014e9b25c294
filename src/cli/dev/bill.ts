import { priceInNanoUsd } from "../../money/cost.ts";
import type { Home } from "../../runners/home.ts";
import { keyOf } from "../../runners/variables.ts";

/** What the calls of the apps have cost their owner, as the emulator's bill has it. */
export interface Spent {
  readonly nanoUsd: number;
  readonly calls: number;
  /** By the runner's id, and by the id of the request that caused it. */
  readonly byJob: ReadonlyMap<string, number>;
  readonly byRequest: ReadonlyMap<string, number>;
}

interface Row {
  readonly endpoint_id: string;
  readonly cost_total: number;
  readonly tags?: Readonly<Record<string, string>>;
}

const DAY_MS = 24 * 60 * 60_000;

/** Reads it, less what the owner's own calls of the apps cost: nobody pays himself. */
export async function readSpent({ emulator, url, apps }: Home, owner: string): Promise<Spent> {
  const start = new Date(Date.now() - 7 * DAY_MS).toISOString();
  const query = new URLSearchParams({ source: "tagged-billed", start });
  const headers = { authorization: `Key ${keyOf(owner)}` };
  const answer = await emulator.fetch(
    new Request(`${url}/api/v1/models/billing-events?${query}`, { headers }),
  );
  const { billing_events: rows } = (await answer.json()) as { billing_events: readonly Row[] };
  const byJob = new Map<string, number>();
  const byRequest = new Map<string, number>();
  let nanoUsd = 0;
  let calls = 0;
  for (const { endpoint_id: endpoint, cost_total: usd, tags = {} } of rows) {
    if (apps.some((app) => `${endpoint}/`.startsWith(`${app}/`))) continue;
    const cost = priceInNanoUsd(usd);
    nanoUsd += cost;
    calls += 1;
    add(byJob, tags["job_id"], cost);
    add(byRequest, tags["request"], cost);
  }
  return { nanoUsd, calls, byJob, byRequest };
}

function add(sums: Map<string, number>, key: string | undefined, cost: number): void {
  if (key !== undefined) sums.set(key, (sums.get(key) ?? 0) + cost);
}
