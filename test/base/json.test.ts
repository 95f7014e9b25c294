import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseForeign, parseOwn, wireJson } from "../../src/base/json.ts";
import { InvalidArgumentError } from "../../src/errors/arguments.ts";

test("what JSON can say goes over the wire as JSON says it", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(wireJson(value)).toBe(JSON.stringify(value));
    }),
  );
  expect(wireJson({ at: new Date(0), none: undefined })).toBe('{"at":"1970-01-01T00:00:00.000Z"}');
  const shared = { a: 1 };
  expect(wireJson([shared, shared])).toBe('[{"a":1},{"a":1}]');
});

const loop: { self?: unknown } = {};
loop.self = loop;

describe("what JSON cannot say is an error that names the field", () => {
  test.each<[unknown, string]>([
    [{ a: Number.NaN }, "input.a is NaN"],
    [{ a: [1, -Infinity] }, "input.a[1] is -Infinity"],
    [{ a: 1n }, "input.a is a bigint"],
    [{ a: () => 1 }, "input.a is a function"],
    [{ a: Symbol("x") }, "input.a is a symbol"],
    [{ a: new Map() }, "input.a is a Map"],
    [{ a: new Set() }, "input.a is a Set"],
    [{ a: new Uint8Array(2) }, "input.a is a Uint8Array"],
    [{ a: [Buffer.from("x")] }, "input.a[0] is a Buffer"],
    [{ a: new ArrayBuffer(1) }, "input.a is an ArrayBuffer"],
    [{ a: new SharedArrayBuffer(1) }, "input.a is a SharedArrayBuffer"],
    [{ a: /x/ }, "input.a is a RegExp"],
    [{ a: Promise.resolve() }, "input.a is a Promise"],
    [{ a: new Blob([]) }, "input.a is a Blob"],
    [{ a: new Date(Number.NaN), b: 1n }, "input.b is a bigint"],
    [loop, "input.self is an object that contains itself"],
  ])("%o", (value, message) => {
    expect(() => wireJson(value)).toThrow(message);
  });
});

test("bytes of every kind are placed wherever they are, before their own toJSON is asked", () => {
  const bytes = [
    Buffer.from("x"),
    new Uint8Array(1),
    new DataView(new ArrayBuffer(1)),
    new Float64Array(1),
    new ArrayBuffer(1),
    new SharedArrayBuffer(1),
    new Uint8Array(new SharedArrayBuffer(1)),
  ];
  const input = { at: new Date(0), list: bytes, deep: { from: { toJSON: () => bytes[0] }, one: bytes[1] } };
  const marks = bytes.map((_, n) => `#${n}`);
  const json = wireJson(input, "input", (item) => `#${bytes.indexOf(item as never)}`);
  const at = "1970-01-01T00:00:00.000Z";
  expect(JSON.parse(json)).toEqual({ at, list: marks, deep: { from: "#0", one: "#1" } });
  expect(wireJson(bytes[0], "input", () => "root")).toBe('"root"');
});

describe("JSON of somebody else", () => {
  const nested = (depth: number, open: string, close: string) =>
    `${open.repeat(depth)}1${close.repeat(depth)}`;
  const levelsOf = (value: unknown): number => {
    let levels = 0;
    for (let at = value; typeof at === "object" && at !== null; levels++) at = Object.values(at)[0];
    return levels;
  };
  const KINDS = [
    ["[", "]"],
    [' { "a\\"[" :', " } "],
  ] as const;

  test.each(KINDS)("what lies deeper than 500 levels is the text that came: %s", (open, close) => {
    expect(levelsOf(parseForeign(nested(500, open, close)))).toBe(500);
    for (const depth of [501, 1_000, 100_000]) {
      let value = parseForeign(nested(depth, open, close));
      expect(levelsOf(value)).toBe(500);
      while (typeof value === "object" && value !== null) value = Object.values(value)[0];
      expect(value).toBe(nested(depth - 500, open, close).trim());
    }
  });

  test("what stands beside it is as it is, and what is no JSON is none", () => {
    const deep = nested(2_000, "[", "]");
    const texts = `"a]}\\\\","b":["\\"[{"]`;
    const value = parseForeign(`{"a":${texts},"x":${deep},"y":${deep},"c":{"d":[]}}`) as Record<
      string,
      unknown
    >;
    expect(value).toMatchObject({ a: "a]}\\", b: ['"[{'], c: { d: [] } });
    expect(levelsOf(value["x"])).toBe(499);
    expect(value["y"]).toEqual(value["x"]);
    expect(() => parseForeign(deep.slice(1))).toThrow(SyntaxError);
    expect(() => parseForeign(deep.replace("1", "x"))).toThrow(SyntaxError);
  });

  test("numbers come back as they were given, and those that are too large are the text that came", () => {
    const large = `1${"0".repeat(400)}`;
    const json = `{"a":1e400,"b":[-1E+999, ${large}],"c":-0,"d":" 1e400 -0","e":1e-400,"f":-0.5,"g":1e100}`;
    const value = parseForeign(json);
    const d = " 1e400 -0";
    expect(value).toEqual({ a: "1e400", b: ["-1E+999", large], c: 0, d, e: 0, f: -0.5, g: 1e100 });
    expect(parseOwn(wireJson(value))).toStrictEqual(value);
    expect(parseForeign("-0")).toBe(0);
    expect(parseForeign("1e309")).toBe("1e309");
  });

  test("it can be sent and kept, with what is put around it; what is still deeper cannot", () => {
    const given = { given: [parseForeign(nested(100_000, "[", "]"))] };
    expect(parseOwn(wireJson(given))).toEqual(given);
    expect(() => wireJson(JSON.parse(nested(1_001, "[", "]")))).toThrow(/^input\[0\].*more than 1000 levels/);
    expect(() => wireJson(JSON.parse(nested(100_000, '{"a":', "}")), "what it gave")).toThrow(
      InvalidArgumentError,
    );
  });
});
