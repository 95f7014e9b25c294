import { expect, test } from "vitest";
import { requestOf } from "../../src/gateway/log-line.ts";

test("a line is about the request that it names, else about the only one that there is", () => {
  const both = new Set(["r-1", "r-2"]);
  expect(requestOf('{"msg":"half way","request":"r-2"}', both)).toBe("r-2");
  expect(requestOf('{"request_id":"r-1"}', both)).toBe("r-1");
  expect(requestOf('{"request":"r-9"}', both)).toBeUndefined();
  expect(requestOf("half way", both)).toBeUndefined();
  expect(requestOf("{ no JSON", both)).toBeUndefined();
  expect(requestOf("half way", new Set(["r-1"]))).toBe("r-1");
  expect(requestOf("half way", new Set())).toBeUndefined();
});
