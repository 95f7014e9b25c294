import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startPostgres } from "../support/postgres-server.ts";
import { tcpProxy } from "../support/tcp-proxy.ts";
import { tempDir } from "../support/temp.ts";
import { type ChildWorker, type Site, site } from "./site.ts";

/** `STORM_RUNS=300 npx vitest run --project=processes test/worker/storm` is the large one. */
const RUNS = Number(process.env["STORM_RUNS"] ?? 24);
const IDS = Array.from({ length: RUNS }, (_, n) => `order-${n}`);

const AT_ONCE = Math.ceil(RUNS / 12);
/** How long the runs may take once everybody is there again. */
const PATIENCE_MS = Math.max(60_000, RUNS * 1_000);

const HASTE = {
  store: { queryTimeout: 1_000, connectTimeout: 1_000, patience: 2_000 },
  client: { lease: { leaseMs: 6_000 } },
} as const;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** How often each call was accepted. */
function accepted({ emulator }: Site): Map<string, number> {
  const times = new Map<string, number>();
  for (const { input } of emulator.jobs) {
    const { run, call } = input as { run: string; call: number };
    times.set(`${run}: ${call}`, (times.get(`${run}: ${call}`) ?? 0) + 1);
  }
  return times;
}

test(
  "three workers under kills, stops, a restart, a partition and a black hole end every run, and pay each call once",
  async () => {
    const database = await startPostgres();
    onTestFinished(() => database.stop());
    // A killed process is let wait for results only: a submit that is cut would have to be looked up for a minute.
    const killed = Promise.withResolvers<void>();
    const hold = ({ call }: { call?: unknown }) => (call === 2 ? killed.promise : undefined);
    const stage = await site({ callMs: 700, hold, database: database.url });
    const proxies = await Promise.all([1, 2, 3].map(() => tcpProxy(Number(new URL(database.url).port))));
    const FAL_CHAIN_RESCUE = join(tempDir(), "rescue.jsonl");
    const workers: ChildWorker[] = [];
    const start = (n: number) => {
      const worker = stage.process({
        concurrency: AT_ONCE,
        port: proxies[n]?.port as number,
        haste: HASTE,
        env: { FAL_CHAIN_RESCUE },
      });
      workers.push(worker);
      return worker;
    };
    const [a, b, c] = [start(0), start(1), start(2)];
    await Promise.all([a, b, c].map((worker) => worker.until("ready")));
    for (const id of IDS) await stage.queue.enqueue("three", { run: id }, { id });

    const states = async () => (await stage.fal.runs.list({ limit: RUNS })).map(({ state }) => state);
    // Every run that is under way waits for its second call.
    const held = () =>
      stage.emulator.jobs.filter(({ input }) => (input as { call: number }).call === 2).length;
    const submitted = async () => (await stage.fal.calls.list({ state: "submitted", limit: RUNS })).length;
    while (held() < 3 * AT_ONCE || (await submitted()) < 3 * AT_ONCE) await pause(20);
    a.kill("SIGKILL");
    b.kill("SIGTERM");
    await Promise.all([a.ended, b.ended]);
    start(0);
    start(1);
    killed.resolve();

    await pause(300);
    await database.restart(500);
    await pause(300);
    // A partition: what is open is reset, and nothing comes through.
    proxies[1]?.refuse(true);
    proxies[1]?.reset();
    await pause(2_500);
    proxies[1]?.refuse(false);
    // A black hole: nobody is told of anything, for longer than a lease.
    proxies[2]?.blackHole({ newOnesToo: true });
    c.kill("SIGSTOP");
    await pause(1_000);
    c.kill("SIGCONT");
    await pause(6_000);
    proxies[2]?.heal();

    const before = Date.now();
    while (!(await states()).every((state) => state === "completed")) {
      expect(Date.now() - before).toBeLessThan(PATIENCE_MS);
      await pause(100);
    }
    const once = new Map(IDS.flatMap((run) => [1, 2, 3].map((call) => [`${run}: ${call}`, 1] as const)));
    expect(accepted(stage)).toEqual(once);
    expect((await stage.fal.runs.list({ limit: RUNS })).map(({ id, output }) => [id, output]).sort()).toEqual(
      IDS.map((id) => [id, id]).sort(),
    );
    const told = workers.flatMap(({ events }) => events);
    expect(told.filter(({ type }) => type === "failed" || type === "blocked")).toEqual([]);
    expect(told.some(({ type }) => type === "trouble")).toBe(true);
  },
  60_000 + PATIENCE_MS,
);
