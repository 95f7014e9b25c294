import { describe, expect, test } from "vitest";
import * as keys from "../../src/chain/step-key.ts";

const HERO = keys.within(keys.within("", keys.branchScope("a hero/b")), keys.itemScope(3));

describe("the key of a step", () => {
  test.each([
    ["a call", keys.numbered(keys.callLabel("", "acme/echo", "5f"), 1), "/ acme/echo 5f#1"],
    [
      "a call in a scope",
      keys.numbered(keys.callLabel(HERO, "acme/echo", "5f"), 2),
      "/a%20hero%2Fb/map[3] acme/echo 5f#2",
    ],
    [
      "a call with a name",
      keys.namedCallKey(keys.numbered(keys.namedCallLabel("", "the cover"), 1), "5f"),
      "/ =the%20cover#1 5f",
    ],
    [
      "a memoized function",
      keys.numbered(keys.functionLabel(HERO, "pick#"), 1),
      "/a%20hero%2Fb/map[3] !pick%23#1",
    ],
    ["a file", keys.fileKey("9ab1"), "/ ^9ab1"],
    ["a copy of a file", keys.fileKey(keys.copyName("https://a/b.png")), "/ ^file:https://a/b.png"],
    ["a run within another one", keys.innerRunKey("poster", "o/1#4f"), ">poster/o%2F1%234f"],
  ])("of %s is what stores have", (_, made, stored) => expect(made).toBe(stored));

  test("tells in which scope it is, and how deep", () => {
    const key = keys.numbered(keys.callLabel(HERO, "acme/echo", "5f"), 1);
    expect(keys.isInScope(key, HERO)).toBe(true);
    expect(keys.isInScope(key, "")).toBe(false);
    expect(keys.isInScope("/ acme/echo 5f#1", "")).toBe(true);
    expect(keys.isBelow(key, "/a%20hero%2Fb")).toBe(true);
    expect(keys.isBelow(key, "/a%20hero")).toBe(false);
    expect(keys.scopeForPeople(key)).toBe("a hero/b/map[3]");
  });

  test("tells files from functions, and one name from another whatever its input", () => {
    expect(keys.isOfFile(keys.fileKey("9ab1"))).toBe(true);
    expect(keys.isOfFile("/ !^9ab1#1")).toBe(false);
    expect(keys.numberedLabelOf("/ =cover#1 5f")).toBe(keys.numberedLabelOf("/ =cover#1 60"));
    expect(keys.numberedLabelOf("/ =cover#1 5f")).not.toBe(keys.numberedLabelOf("/ =cover#2 5f"));
  });
});

test("a run without an id has one that says where it was started, with what, and which of equal ones it is", () => {
  const outer = { chain: "a/b", run: "o%1", scope: HERO };
  expect(keys.innerRunId(outer, "4f", 1)).toBe("a%2Fb/o%251/a%20hero%2Fb/map[3]#4f");
  expect(keys.innerRunId(outer, "4f", 2)).toBe("a%2Fb/o%251/a%20hero%2Fb/map[3]#4f.2");
  expect(keys.innerRunId({ ...outer, scope: "" }, "", 1)).toBe("a%2Fb/o%251#1");
});
