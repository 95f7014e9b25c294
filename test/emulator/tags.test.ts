import { expect, test } from "vitest";
import { parseTags } from "../../src/emulator/tags.ts";

test("pairs that break a rule are dropped and the others stay", () => {
  expect(parseTags("team=studio,env=prod")).toEqual({ team: "studio", env: "prod" });
  expect(parseTags(" A.b-c_1 = x=y ")).toEqual({ "a.b-c_1": "x=y" });
  expect(parseTags("a b=1,fal.x=2,=3,x,ok=4,bad=\u0001")).toEqual({ ok: "4" });
  expect(parseTags(`${"k".repeat(65)}=1,${"k".repeat(64)}=2,v=${"x".repeat(257)}`)).toEqual({
    ["k".repeat(64)]: "2",
  });
  expect(parseTags(null)).toEqual({});
});

test("no more than ten pairs and 1024 bytes are kept, counted before duplicates are merged", () => {
  const eleven = Array.from({ length: 11 }, (_, i) => `k${i}=v`).join(",");
  expect(Object.keys(parseTags(eleven))).toHaveLength(10);
  expect(parseTags(`${"a=1,".repeat(10)}b=2`)).toEqual({ a: "1" });
  const large = Array.from({ length: 5 }, (_, i) => `k${i}=${"x".repeat(250)}`).join(",");
  expect(Object.keys(parseTags(large))).toHaveLength(4);
});
