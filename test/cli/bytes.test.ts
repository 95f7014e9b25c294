import { expect, test } from "vitest";
import { withoutBytes } from "../../src/cli/call.ts";

test("a result of bytes is printed as a file in a data: URI, anything else as it is", () => {
  const { buffer } = Uint8Array.of(0, 255);
  expect(withoutBytes(buffer)).toEqual({ url: "data:application/octet-stream;base64,AP8=" });
  expect(withoutBytes("text")).toBe("text");
  expect(withoutBytes({ a: 1 })).toEqual({ a: 1 });
});
