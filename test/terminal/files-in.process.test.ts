import fc from "fast-check";
import { expect, test } from "vitest";
import { filesIn } from "../../src/terminal/files-in.ts";

const URL_ = "https://fal.media/x.png";

test.each([
  [{ images: [{ url: URL_ }, { url: URL_ }], image: { url: URL_ } }, ["images-0", "images-1", "image"]],
  [{ "../../etc": { url: URL_ }, "a/b\\c": { url: URL_ } }, ["_etc", "a_b_c"]],
  [{ CON: { url: URL_ }, nul: { url: URL_ }, Com1: { url: URL_ } }, ["CON_", "nul_", "Com1_"]],
  [{ Image: { url: URL_ }, image: { url: URL_ } }, ["Image", "image-2"]],
  [
    JSON.parse(`{ "__proto__": { "url": "${URL_}" }, "constructor": { "url": "${URL_}" } }`),
    ["__proto__", "constructor"],
  ],
  [{ "-rf": { url: URL_ } }, ["_rf"]],
  [{ ["x".repeat(5_000)]: { url: URL_ } }, ["x".repeat(100)]],
  [{ url: URL_ }, ["file"]],
])("files are named by where they stand, as every file system takes it", (output, names) => {
  expect(Object.keys(filesIn(output))).toEqual(names);
});

test("whatever an output is, its files have names of their own that lead nowhere else", () => {
  const outputs = fc.dictionary(fc.string({ unit: "binary" }), fc.constant({ url: URL_ }));
  fc.assert(
    fc.property(outputs, (output) => {
      const names = Object.keys(filesIn(output));
      expect(names).toHaveLength(Object.keys(output).length);
      expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
      for (const name of names) expect(name).toMatch(/^\w[\w-]{0,110}$/);
    }),
  );
});
