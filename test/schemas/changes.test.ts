import { expect, test } from "vitest";
import { changesBetween } from "../../src/schemas/changes.ts";
import { odd, schemaWith } from "./documents.ts";

const fields = (properties: object, required: string[] = []) => ({ properties, required });
const texts = { type: "string" };
const choice = (...values: string[]) => ({ type: "string", enum: values });

test.each<[was: object, is: object, input: string, output: string]>([
  [fields({}), fields({ a: texts }, ["a"]), "! .a is new, and required", "  .a is new"],
  [fields({}), fields({ a: texts }), "  .a is new", "  .a is new"],
  [fields({ a: texts }), fields({}), "! .a is gone: fal ignores it", "! .a is gone"],
  [fields({ a: texts }), fields({ a: texts }, ["a"]), "! .a is required now", "  .a is always there now"],
  [fields({ a: texts }, ["a"]), fields({ a: texts }), "  .a can be left out now", "! .a may be missing now"],
  [
    fields({ a: choice("x", "y") }),
    fields({ a: choice("x", "z") }),
    '! .a no longer has "y"\n  .a has "z" too',
    '  .a no longer has "y"\n  .a has "z" too',
  ],
  [fields({ a: texts }), fields({ a: choice("x") }), '! .a is one of "x" now', '  .a is one of "x" now'],
  [
    fields({ a: choice("x") }),
    fields({ a: texts }),
    "  .a may be any value now",
    "  .a may be any value now",
  ],
  [
    fields({ a: { type: "number" } }),
    fields({ a: { type: "integer" } }),
    "! .a is a whole number now",
    "  .a is a whole number now",
  ],
  [
    fields({ a: { type: ["string", "null"] } }),
    fields({ a: texts }),
    "! .a is no null any more",
    "  .a is no null any more",
  ],
  [
    fields({ a: texts }),
    fields({ a: { type: ["string", "null"] } }),
    "  .a may be null now",
    "! .a may be null now",
  ],
  [fields({ a: texts }), fields({ a: {} }), "  .a can be anything now", "! .a can be anything now"],
  [
    fields({ a: { type: "integer", maximum: 9 } }),
    fields({ a: { type: "integer", maximum: 8 } }),
    "! .a has maximum 8, not 9",
    "  .a has maximum 8, not 9",
  ],
  [
    fields({ a: { type: "integer", minimum: 2 } }),
    fields({ a: { type: "integer", minimum: 1 } }),
    "  .a has minimum 1, not 2",
    "  .a has minimum 1, not 2",
  ],
  [
    fields({ a: texts }),
    fields({ a: { ...texts, maxLength: 3 } }),
    "! .a has maxLength 3, not none",
    "  .a has maxLength 3, not none",
  ],
  [
    fields({ a: { type: "array", items: texts } }),
    fields({ a: { type: "array", items: { type: "number" } } }),
    "! .a[] is no string any more\n  .a[] may be number now",
    "  .a[] is no string any more\n! .a[] may be number now",
  ],
  [
    fields({ a: { ...texts, default: "x" } }),
    fields({ a: { ...texts, default: "y" } }),
    '  .a has the default "y", not "x"',
    "",
  ],
])("%j became %j", (was, is, input, output) => {
  const said = (side: "input" | "output", changes: ReturnType<typeof changesBetween>) =>
    changes.map(({ at, what, breaks }) => `${breaks ? "!" : " "} ${at.replace(side, "")} ${what}`).join("\n");
  expect(said("input", changesBetween(schemaWith(was), schemaWith(is)))).toBe(input);
  expect(said("output", changesBetween(schemaWith({}, was), schemaWith({}, is)))).toBe(output);
});

test("what is the same has no changes, however it is written, and what speaks of itself ends", () => {
  expect(changesBetween(odd, structuredClone(odd))).toEqual([]);
  const named = schemaWith(
    fields({ a: { $ref: "#/components/schemas/Size" } }),
    {},
    { Size: fields({ w: { type: "number" } }) },
  );
  const inline = schemaWith(fields({ a: { type: "object", ...fields({ w: { type: "number" } }) } }));
  expect(changesBetween(named, inline)).toEqual([]);
  const deeper = structuredClone(odd) as typeof odd & {
    defs: Record<string, { properties: Record<string, object> }>;
  };
  Object.assign(deeper.defs["Node"]?.properties ?? {}, { label: { type: "string" } });
  expect(changesBetween(odd, deeper)).toEqual([{ at: "input.tree.label", what: "is new", breaks: false }]);
});
