import fc from "fast-check";
import { expect, test } from "vitest";
import { parseBaggage, parseTraceparent, traceparent, withBaggage } from "../../src/attribution/w3c.ts";

const ID = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";

test("a traceparent is read as the specification has it", () => {
  expect(parseTraceparent(`00-${ID}-${PARENT}-01`)).toEqual({ traceId: ID, flags: "01" });
  expect(parseTraceparent(` 00-${ID}-${PARENT}-00 `)).toEqual({ traceId: ID, flags: "00" });
  expect(parseTraceparent(`cc-${ID}-${PARENT}-01-what-will-be`)).toEqual({ traceId: ID, flags: "01" });
});

test.each([
  undefined,
  "",
  "00",
  `00-${ID}-${PARENT}-01-more`,
  `ff-${ID}-${PARENT}-01`,
  `00-${"0".repeat(32)}-${PARENT}-01`,
  `00-${ID}-${"0".repeat(16)}-01`,
  `00-${ID.toUpperCase()}-${PARENT}-01`,
  `00-${ID}-${PARENT}-01, 00-${ID}-${PARENT}-01`,
])("%j is no traceparent", (header) => {
  expect(parseTraceparent(header)).toBeUndefined();
});

test("each call of a trace has a traceparent of its own", () => {
  const [a = "", b = ""] = [1, 2].map(() => traceparent({ traceId: ID, flags: "01" }));
  expect(a).toMatch(new RegExp(`^00-${ID}-[0-9a-f]{16}-01$`));
  expect(parseTraceparent(b)).toEqual({ traceId: ID, flags: "01" });
  expect(a).not.toBe(b);
});

test("whatever a value is, it goes into the header as printable ASCII and comes out as it was", () => {
  const value = fc.string({ unit: "grapheme", minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(value, value, (a, b) => {
      const header = withBaggage("theirs=1;p=2", { a, b });
      expect(header).toMatch(/^[\x21-\x7e]+$/);
      expect(parseBaggage(header, ["a", "b", "theirs"])).toEqual({ a, b, theirs: "1" });
    }),
  );
});

test("members that cannot be read are left out, and the others are read", () => {
  expect(parseBaggage(" a = x%20y ;p=1 , b=%zz, c, =d,", ["a", "b", "c"])).toEqual({ a: "x y" });
  expect(parseBaggage(`a=1,${"b=".padEnd(8200, "x")}`, ["a"])).toEqual({});
  expect(parseBaggage(undefined, ["a"])).toEqual({});
});

test("what a header has already stays, but for what takes its place", () => {
  expect(withBaggage("a=1;p=2, b=2,,", { b: "3", c: undefined })).toBe("a=1;p=2,b=3");
  expect(withBaggage("c=1", { c: undefined })).toBe("");
});
