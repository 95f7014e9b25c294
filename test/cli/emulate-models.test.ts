import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Io } from "../../src/cli/cli.ts";
import { whatItServes } from "../../src/cli/emulate/models.ts";
import { failureOf } from "../support/setup.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "fal-chain-test-"));
  const schema = { type: "object", properties: { text: { type: "string" } } };
  const content = { content: { "application/json": { schema } } };
  const document = {
    paths: {
      "/acme/writer": { post: { requestBody: content } },
      "/acme/writer/requests/{request_id}": { get: { responses: { 200: content } } },
    },
  };
  writeFileSync(join(dir, "writer.json"), JSON.stringify(document));
  writeFileSync(
    join(dir, "own.mjs"),
    'export const a = { id: "acme/a", run() {}, input: {} }; export default [a, { id: "acme/b", run() {}, input: {} }];',
  );
  writeFileSync(join(dir, "empty.mjs"), "export const nothing = 1;");
  writeFileSync(join(dir, "prices.json"), '{"acme/a": {"unit": "images", "unitPrice": 0.5}}');
  writeFileSync(join(dir, "wrong.json"), '{"acme/a": {"unit": "images", "unitPrice": "0.5"}}');
});
afterAll(() => rmSync(dir, { recursive: true }));

const served = (files: Parameters<typeof whatItServes>[1]) => whatItServes({ cwd: () => dir } as Io, files);

test("what files describe is served beside the emulator's own", async () => {
  const {
    models = [],
    unknown,
    prices,
  } = await served({
    ...{ schema: ["writer.json"], model: ["own.mjs"], prices: "prices.json" },
  });
  expect(models.slice(-3).map(({ id }) => id)).toEqual(["acme/writer", "acme/a", "acme/b"]);
  expect([models.length > 5, unknown]).toEqual([true, "echo"]);
  expect(prices).toEqual({ "acme/a": { unit: "images", unitPrice: 0.5 } });
  expect(await served({})).toEqual({});
});

test.each([
  [{ schema: ["nowhere.json"] }, "nowhere.json cannot be read"],
  [{ schema: ["own.mjs"] }, "neither JSON nor a module"],
  [{ model: ["nowhere.mjs"] }, "nowhere.mjs cannot be loaded"],
  [{ model: ["empty.mjs"] }, "exports no model"],
  [{ prices: "wrong.json" }, 'that of acme/a is not { "unit"'],
])("%j is refused", async (files, why) => {
  expect(String(await failureOf(served(files)))).toContain(why);
});
