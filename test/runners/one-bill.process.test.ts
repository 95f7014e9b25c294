import { createHash } from "node:crypto";
import { join } from "node:path";
import { createFal } from "fal-chain";
import { expect, test, vi } from "vitest";
import { appOf, headersOf, home } from "./home-stage.ts";

type Stage = Awaited<ReturnType<typeof home>>;
interface Billed {
  readonly request_id: string;
  readonly endpoint_id: string;
  readonly cost_estimate_nano_usd: number;
}

const isApp = (endpoint: string): boolean => endpoint.startsWith("me/");
const add = (sums: Map<string, number>, key: string, cost: number) =>
  sums.set(key, (sums.get(key) ?? 0) + cost);

/** What the account's bill says of the models, by what the emulator alone knows of each request: who caused it, and where. */
async function billed({ url, emulator }: Stage) {
  const query = "billing-events?limit=1000";
  const answer = await fetch(`${url}/api/v1/models/${query}`, { headers: headersOf("me") });
  const { billing_events: rows } = (await answer.json()) as { billing_events: readonly Billed[] };
  const [byRoot, byCaller, byRunner] = [new Map(), new Map(), new Map()] as Map<string, number>[];
  for (const { request_id, endpoint_id, cost_estimate_nano_usd: cost } of rows) {
    if (isApp(endpoint_id)) continue;
    const job = emulator.job(request_id);
    // Upwards, from each request to the one that it was made for.
    let root = emulator.job(job?.tags["request"] ?? "");
    for (let above = root; above; above = emulator.job(above.tags["request"] ?? "")) root = above;
    if (!byRoot || !byCaller || !byRunner || !root || !job) throw new Error("it belongs to nobody");
    add(byRoot, `${root.endpoint}/${root.requestId}`, cost);
    add(
      byCaller,
      root.account === "me" ? "me" : createHash("sha256").update(root.account).digest("hex"),
      cost,
    );
    add(byRunner, job.tags["job_id"] ?? "", cost);
  }
  return { byRoot, byCaller, byRunner };
}

test("two apps, three callers, one bill: it adds up from the root, by caller and by runner", async () => {
  const stage = await home([appOf("router"), appOf("ads", { settings: { runners: 2 } })], {
    emulator: { concurrency: 20 },
  });
  const { submit, done, url, cwd, emulator } = stage;
  const runners = () => [...emulator.fleets.values()].flatMap((fleet) => fleet.runners);
  await vi.waitUntil(() => runners().every(({ state }) => state === "IDLE"), 60_000);
  const requests: string[] = [];
  for (const caller of ["ada", "ben", "me"]) {
    requests.push(await submit("router", { prompt: `a fox for ${caller}` }, caller));
  }
  requests.push(await submit("ads", { prompt: "an owl" }, "ada"));
  for (const request of requests)
    expect(await done(request, 60_000)).toMatchObject({ result: { status: 200 } });

  const store = `sqlite:${join(cwd, ".fal-chain", "store.db")}`;
  const fal = createFal({ env: { FAL_HOST: url, FAL_KEY: "me:x", FAL_CHAIN_STORE: store } });
  const costs = async (key: "root_run" | "caller" | "job_id") => {
    const { rows, total } = await fal.costs({ by: [key] });
    // Calls of one's own apps cost nothing here: their price is 0.
    const paid = rows.filter(({ nanoUsd }) => nanoUsd > 0);
    expect(rows.reduce((sum, { nanoUsd }) => sum + nanoUsd, 0)).toBe(total.nanoUsd);
    return new Map(paid.map(({ key: keys, nanoUsd }) => [String(keys[key]), nanoUsd]));
  };
  const bill = await billed(stage);
  expect(await costs("root_run")).toEqual(bill.byRoot);
  expect(await costs("caller")).toEqual(bill.byCaller);
  expect(await costs("job_id")).toEqual(bill.byRunner);
  expect([bill.byRoot?.size, bill.byCaller?.size, bill.byRunner?.size]).toEqual([4, 3, 2]);
  await fal.close();
}, 120_000);
