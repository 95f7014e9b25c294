import { type CallRecord, type CostKey, type CostSum, createFal, memoryStore } from "fal-chain";
import { createEmulator, virtualClock } from "fal-chain/emulator";
import fc from "fast-check";
import { expect, test } from "vitest";
import { cases } from "../support/cases.ts";
import { echo } from "../support/models.ts";
import { ENV } from "../support/setup.ts";

/** Law 7: the sum of a report equals the sum of its calls, whatever it is grouped by, and what was billed. */

interface Node {
  readonly endpoint: string;
  readonly customer: string | undefined;
  readonly children: readonly Node[];
  readonly branches: boolean;
  /** Whether it is a run of its own. */
  readonly inner: boolean;
  /** Whether it fails, and is billed all the same. */
  readonly fails: boolean;
}

const tree: fc.Memo<Node> = fc.memo((depth) =>
  fc.record({
    endpoint: fc.constantFrom("acme/cheap", "acme/dear", "acme/odd", "acme/free"),
    customer: fc.option(fc.constantFrom("acme", "Müller, & Söhne", "50%"), { nil: undefined }),
    children: depth > 1 ? fc.array(tree(depth - 1), { maxLength: 3 }) : fc.constant([]),
    branches: fc.boolean(),
    inner: fc.boolean(),
    fails: fc.constantFrom(false, false, false, true),
  }),
);

const runs = fc.array(
  fc.record({
    chain: fc.constantFrom("poster", "film"),
    job: fc.constantFrom("job-7", "job-8", undefined),
    request: fc.constantFrom("in-1", "in-2", undefined),
    hoursLater: fc.nat(30),
    tree: tree(3),
  }),
  { minLength: 1, maxLength: 4 },
);
const keys = fc.uniqueArray(
  fc.constantFrom<CostKey>(
    ...(["endpoint", "chain", "run", "step", "job_id", "app", "request", "caller", "day", "hour"] as const),
    ...(["root_run", "root_job"] as const),
    "tag:customer",
    "tag:nobody",
  ),
);

test("a report adds up to its calls and to the bill, whatever it is grouped by", async () => {
  await fc.assert(
    fc.asyncProperty(runs, fc.array(keys, { minLength: 3, maxLength: 3 }), async (runs, groupings) => {
      const clock = virtualClock();
      const prices = { "acme/cheap": 0.003, "acme/dear": 1.25, "acme/odd": 0.000000007, "acme/free": 0 };
      const models = Object.entries(prices).map(([id, price], n) => echo({ id, price, units: n + 0.5 }));
      const emulator = createEmulator({ clock, models: models, concurrency: 50 });
      const store = memoryStore({ clock, keepEnded: 10_000 });

      let made = 0;
      for (const { chain, job, request, hoursLater, tree } of runs) {
        await clock.advance(hoursLater * 3_600_000);
        const env = { ...ENV, FAL_APP_NAME: "acme/app", ...(job && { FAL_JOB_ID: job }) };
        const fal = createFal({
          env,
          clock,
          store,
          random: () => 0.5,
          fetch: async (...call) => emulator.fetch(new Request(...call)),
        });
        const walk = async ({ endpoint, customer, children, branches, fails }: Node): Promise<void> => {
          const tags = customer === undefined ? {} : { customer };
          const headers = fails ? { "x-emulator-fault": BILLED_FAILURE } : {};
          await fal.subscribe(endpoint, { input: { n: made++ }, tags, headers }).catch((error: unknown) => {
            if (!fails) throw error;
          });
          if (branches) await Promise.all(children.map(visit));
          else for (const child of children) await visit(child);
        };
        const part = fal.chain("part", async (at: number) => walk(nodes[at] as Node));
        const nodes: Node[] = [];
        const visit = async (node: Node): Promise<void> => {
          if (node.inner) await part.start(nodes.push(node) - 1);
          else await walk(node);
        };
        const one = fal.chain(chain, async () => walk(tree));
        const headers = new Headers(request ? { "x-fal-request-id": request } : {});
        await fal.withRequest(headers, () => one.start());
        await fal.close();
      }

      const fal = createFal({ store, clock });
      const calls = await fal.calls.list({ limit: 10_000 });
      const ofCalls = sumOf(calls);
      const billed = emulator.jobs.reduce(
        (sum, { endpoint, billableUnits = 0 }) =>
          sum + Math.round((prices[endpoint as keyof typeof prices] ?? 0) * 1e9 * billableUnits),
        0,
      );
      for (const { key, nanoUsd } of (await fal.costs({ by: ["root_run"] })).rows) {
        const [chain = "", id = ""] = key["root_run"]?.split("/") ?? [];
        const parts = await fal.runs.parts(chain, id);
        const inTree = parts.flatMap(({ steps }) => steps.flatMap(({ call }) => call ?? []));
        expect(sumOf(inTree)).toBe(nanoUsd);
      }
      for (const by of groupings) {
        const { rows, total } = await fal.costs({ by });
        expect(total.nanoUsd).toBe(ofCalls);
        expect(total.nanoUsd).toBe(billed);
        expect(total.calls).toBe(made);
        expect(new Set(rows.map(({ key }) => JSON.stringify(by.map((name) => key[name])))).size).toBe(
          rows.length,
        );
        for (const part of PARTS) {
          expect(rows.reduce((sum, row) => sum + part(row), 0)).toBeCloseTo(part(total), 6);
        }
      }
    }),
    { numRuns: cases(25) },
  );
}, 60_000);

const BILLED_FAILURE = "completed-with-error; status=422; billableUnits=2";

const sumOf = (calls: readonly CallRecord[]): number =>
  calls.reduce((sum, { cost }) => sum + (cost && cost.source !== "unknown" ? cost.nanoUsd : 0), 0);

const PARTS: ((sum: CostSum) => number)[] = [
  ({ nanoUsd }) => nanoUsd,
  ({ calls }) => calls,
  ({ unknown }) => unknown,
  ({ bySource }) => bySource.measured,
  ({ waitSeconds }) => waitSeconds,
  ({ runSeconds }) => runSeconds,
  ({ runnerSeconds }) => runnerSeconds,
];
