import { expect, test } from "vitest";
import { moduleText, readModule, unlessSame } from "../../src/schemas/module.ts";
import { ODD, odd, schemaWith } from "./documents.ts";

const text = moduleText(new Map([[ODD, odd]]), "2026-11-27");

test("what fal's documents say, oddities and all, is a module of plain types", async () => {
  await expect(text).toMatchFileSnapshot("odd-endpoints.txt");
});

test("a module is the same for the same documents, whatever their order, and is read back", () => {
  const other = schemaWith({
    properties: { "it's": { enum: ["\\", "'", '"', "\u2028", "a\u202eb"] }, '"; evil("': {}, "\u202e": {} },
  });
  const both = moduleText(
    new Map([
      ["fal-ai/b", other],
      [ODD, odd],
    ]),
    "2026-11-27",
  );
  expect(
    moduleText(
      new Map([
        [ODD, odd],
        ["fal-ai/b", other],
      ]),
      "2026-11-27",
    ),
  ).toBe(both);
  expect(readModule(both).get("fal-ai/b")).toEqual(other);
  expect(both).not.toMatch(/[\u2028\u202e]/);
  expect(both).toContain(String.raw`readonly "\"; evil(\""?: unknown;`);
  const [read] = readModule(text).values();
  expect(read?.input.properties?.["mode"]).toEqual({
    type: "string",
    enum: ["fast", "slow"],
    default: "fast",
  });
});

test("it is read back as a formatter leaves it", () => {
  const formatted = text.replace(
    /'((?:[^'\\]|\\.)*)',\n\)/,
    (_, json: string) => `${JSON.stringify(json.replace(/\\(.)/g, "$1"))})`,
  );
  expect(formatted).not.toBe(text);
  expect(readModule(formatted)).toEqual(readModule(text));
});

test("the day is that when it came to say what it says", () => {
  const later = text.replace("2026-11-27", "2027-01-01");
  expect(unlessSame(later, text)).toBe(text);
  expect(unlessSame(later, text.replaceAll("\n", "\r\n"))).toContain("2026-11-27");
  expect(unlessSame(later, text.replace("FileInput;", "string;"))).toBe(later);
  expect(unlessSame(later, undefined)).toBe(later);
});

test("endpoints whose names are alike are told apart", () => {
  const module = moduleText(
    new Map([
      ["fal-ai/a/b", odd],
      ["fal-ai/a-b", odd],
      ["3d/a", odd],
      ["fal-ai/new", odd],
    ]),
    "2026-11-27",
  );
  expect(module.match(/^export const \w+/gm)).toEqual([
    "export const model3dA",
    "export const aB",
    "export const aB2",
    "export const newModel",
  ]);
});
