import type { StandardSchemaV1 } from "@standard-schema/spec";
import { createFal } from "fal-chain";
import { createEmulator, defineModel, virtualClock } from "fal-chain/emulator";
import { expect, test } from "vitest";
import * as z from "zod";
import { ENV, failureOf } from "../support/setup.ts";

const shout = defineModel({
  id: "acme/shout",
  input: z.object({ text: z.string(), times: z.int().default(1) }),
  price: { unit: "characters", unitPrice: 0.001 },
  units: ({ text }) => text.length,
  run: ({ text, times }, { storeFile }) => ({
    text: text.toUpperCase().repeat(times),
    url: storeFile(new TextEncoder().encode(text), "text.txt", "text/plain"),
  }),
});

/** Of no library: it takes a number, and gives twice as much. */
const doubled: StandardSchemaV1<unknown, number> = {
  "~standard": {
    version: 1,
    vendor: "nobody",
    validate: (value) => {
      const { n } = (value ?? {}) as { n?: unknown };
      return typeof n === "number" ? { value: 2 * n } : { issues: [{ message: "no number", path: ["n"] }] };
    },
  },
};
const double = defineModel({ id: "acme/double", input: doubled, run: (n) => ({ n }) });

function world() {
  const clock = virtualClock();
  const emulator = createEmulator({
    ...{ clock, models: [shout, double] },
    prices: { "acme/double": { unit: "requests", unitPrice: 3 } },
  });
  const fetch: typeof globalThis.fetch = (input, init) => emulator.fetch(new Request(input, init));
  return createFal({ env: ENV, clock, fetch, store: "memory" });
}

test("a stand-in of one's own takes what its schema takes, and is billed as it says", async () => {
  const fal = world();
  const { data, billing } = await fal.subscribe("acme/shout", { input: { text: "hey", times: 2 } });
  expect([data, billing]).toMatchObject([
    { text: "HEYHEY", url: expect.stringMatching(/\.txt$/) },
    { units: 3 },
  ]);
  expect(await failureOf(fal.subscribe("acme/shout", { input: { text: 3 } }))).toMatchObject({
    status: 422,
    errorType: "string_type",
  });
});

test("its schema is of any library, and its price may be another", async () => {
  const fal = world();
  expect((await fal.subscribe("acme/double", { input: { n: 21 } })).data).toEqual({ n: 42 });
  expect(await failureOf(fal.subscribe("acme/double", { input: {} }))).toMatchObject({ status: 422 });
  expect(await fal.price("acme/double")).toMatchObject({ unitPriceNanoUsd: 3_000_000_000 });
});
