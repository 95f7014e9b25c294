import { expect, test } from "vitest";
import { parseDuration, parseFields, parseTags, readInput } from "../../src/cli/inputs.ts";

const stdin = async function* (text: string) {
  yield text;
};

test("a field is JSON where it is JSON, else the text that it is", () => {
  expect(
    parseFields([
      "prompt=a fox = fast",
      "num_images=2",
      "sync_mode=true",
      'loras=[{"scale":0.5}]',
      "seed=null",
    ]),
  ).toEqual({ prompt: "a fox = fast", num_images: 2, sync_mode: true, loras: [{ scale: 0.5 }], seed: null });
  expect(parseFields(["a=007", 'b="1984"', "c=", "d=trueish", "e=[open", "f=-1.5", "g=12 monkeys"])).toEqual({
    a: "007",
    b: "1984",
    c: "",
    d: "trueish",
    e: "[open",
    f: -1.5,
    g: "12 monkeys",
  });
});

test("a dot goes one level down, into what a file began", () => {
  const base = { image_size: { width: 64 } };
  expect(parseFields(["image_size.height=32", "a.b.c=1"], base)).toEqual({
    image_size: { width: 64, height: 32 },
    a: { b: { c: 1 } },
  });
  expect(base).toEqual({ image_size: { width: 64 } });
});

test.each(["prompt", "=x", "a..b=1", "__proto__=1", "__proto__.x=1", "a.constructor=1"])(
  "%s is no field",
  (pair) => {
    expect(() => parseFields([pair])).toThrow(`${JSON.stringify(pair)} is not a field of the input`);
  },
);

test("a number that cannot be sent exactly, or a field inside a value, is refused", () => {
  expect(() => parseFields(["seed=12345678901234567890"])).toThrow(/too large to be sent exactly/);
  expect(() => parseFields(["a=1", "a.b=2"])).toThrow(/goes into a, which is set to a value already/);
});

test("tags are pairs", () => {
  expect(parseTags(["customer=acme", "note=a=b"])).toEqual({ customer: "acme", note: "a=b" });
  expect(() => parseTags(["customer"])).toThrow('"customer" is not a tag. Tags read key=value.');
});

test("a duration has a unit, or is in seconds", () => {
  expect(["90", "90s", "1.5m", "500ms", "1h"].map(parseDuration)).toEqual([
    90_000, 90_000, 90_000, 500, 3_600_000,
  ]);
  for (const bad of ["", "0", "-1s", "soon", "5 d", "1e3"]) {
    expect(() => parseDuration(bad)).toThrow(/is not a duration. It reads 90s, 5m or 500ms/);
  }
});

test("an input comes from a file or from standard input, and is an object", async () => {
  expect(await readInput(undefined, stdin("ignored"))).toEqual({});
  expect(await readInput("-", stdin('{"prompt":"a fox"}'))).toEqual({ prompt: "a fox" });
  expect(await readInput("biome.json", stdin(""))).toHaveProperty("formatter");
  await expect(readInput("-", stdin("[1]"))).rejects.toThrow("Standard input does not hold a JSON object.");
  await expect(readInput("README.md", stdin(""))).rejects.toThrow("README.md does not hold a JSON object.");
  await expect(readInput("no-such.json", stdin(""))).rejects.toThrow(
    /^no-such\.json could not be read: ENOENT/,
  );
});
