import { readFileSync } from "node:fs";
import { createFal, type Estimate, type Fal } from "fal-chain";
import { createEmulator, type Model, virtualClock } from "fal-chain/emulator";
import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { ENV } from "../support/setup.ts";
import { REAL_BILLS, type RealBill } from "./real-bills.ts";

/** A unit costs a dollar here, so that amounts read as units. */
const DOLLAR = 1e9;

function clientFor({ endpoint, unit, billed }: RealBill): Fal {
  const clock = virtualClock();
  const model: Model = {
    ...(echo({ id: endpoint }) as Model),
    price: { unit, unitPrice: 1 },
    run: async () => ({ output: {}, units: billed }),
  };
  const emulator = createEmulator({ clock, models: [model] });
  // fal has no history of it: what follows is known here, and not by luck.
  const fetch: typeof globalThis.fetch = async (...of) => {
    const request = new Request(...of);
    const isAsked = request.url.endsWith("/pricing/estimate");
    return isAsked ? Response.json({}, { status: 404 }) : emulator.fetch(request);
  };
  return createFal({ env: ENV, clock, fetch });
}

/** What the input says of seconds or pictures, taken for the number of units. */
const asInput = ({ input }: RealBill): number =>
  Number.parseFloat(String(input["duration"] ?? input["num_images"] ?? 1));

const units = (estimate: Estimate): string => {
  if (estimate.source === "unknown") return "unknown";
  const [low, high] = [estimate.low, estimate.high].map((nanoUsd) => Number((nanoUsd / DOLLAR).toFixed(3)));
  return low === high ? `${high}` : `${low} to ${high}`;
};

const told = ({ input }: RealBill): string =>
  Object.entries(input)
    .map(
      ([name, value]) =>
        `${name} ${typeof value === "object" || /^https:/.test(String(value)) ? shown(value) : value}`,
    )
    .join(", ");

function shown(value: unknown): string {
  if (Array.isArray(value)) return `(${value.length})`;
  if (typeof value !== "object") return "(file)";
  const { width, height } = value as { width: number; height: number };
  return `${width} × ${height}`;
}

const cells = (line: string): string[] => line.split("|").map((cell) => cell.trim());

test("of 28 real pairs none is estimated wrong before the first call, and all are exact after it", async () => {
  expect(REAL_BILLS).toHaveLength(28);
  const page = readFileSync(new URL("../../docs/money.md", import.meta.url), "utf8");
  const documented = new Set(page.split("\n").map((line) => cells(line).join("|")));
  const missing: string[] = [];
  for (const pair of REAL_BILLS) {
    const { endpoint, input, billed } = pair;
    const fal = clientFor(pair);
    const first = await fal.estimate(endpoint, input);
    if (first.source !== "unknown") {
      expect(first.low / DOLLAR, endpoint).toBeLessThanOrEqual(billed);
      expect(first.high / DOLLAR, endpoint).toBeGreaterThanOrEqual(billed);
    }
    await fal.price(endpoint);
    await fal.subscribe(endpoint, { input });
    const next = await fal.estimate(endpoint, { ...input, prompt: "another", seed: 7 });
    const exact = Math.round(billed * DOLLAR);
    expect(next, endpoint).toMatchObject({ source: "ledger", low: exact, likely: exact, high: exact });
    const bill = String(Number(billed.toFixed(3)));
    const row = ["", `\`${endpoint}\``, told(pair), bill, String(asInput(pair)), units(first), ""];
    if (!documented.has(row.join("|"))) missing.push(row.join(" | ").trim());
  }
  expect(missing.join("\n")).toBe("");
});
