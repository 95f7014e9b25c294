import { describe, expect, test } from "vitest";
import { parseEndpointId } from "../../src/queue/endpoint.ts";

test.each([
  ["fal-ai/esrgan", "fal-ai/esrgan", "fal-ai/esrgan"],
  ["fal-ai/flux/schnell", "fal-ai/flux/schnell", "fal-ai/flux"],
  ["fal-ai/a/b/c/d", "fal-ai/a/b/c/d", "fal-ai/a"],
  ["/fal-ai/esrgan/", "fal-ai/esrgan", "fal-ai/esrgan"],
  ["workflows/acme/poster", "workflows/acme/poster", "workflows/acme/poster"],
  ["workflows/acme/poster/x", "workflows/acme/poster/x", "workflows/acme/poster"],
  ["comfy/acme/poster", "comfy/acme/poster", "comfy/acme/poster"],
  ["123456-painter", "123456/painter", "123456/painter"],
])("%s is submitted to as %s, and asked for under %s", (raw, id, app) => {
  expect(parseEndpointId(raw)).toEqual({ id, app });
});

describe("what is no endpoint id is refused, saying what one looks like", () => {
  test.each([
    ["flux", /a part is missing/],
    ["", /empty|missing/],
    ["workflows/acme", /a part is missing/],
    ["a//b", /a part of it is empty/],
    ["//evil.test/x", /a part of it is empty/],
    ["a/b//", /a part of it is empty/],
    ["a/../b", /"\.\." cannot stand/],
    ["a/b c", /cannot stand/],
    ["a/b?c=d", /cannot stand/],
    ["a/b%2f..", /cannot stand/],
    ["https://fal.run/a/b", /it is a URL/],
    ["ftp://a/b", /it is a URL/],
    [42 as never, /not a string/],
  ])("%j", (raw, why) => {
    expect(() => parseEndpointId(raw)).toThrow(why);
    expect(() => parseEndpointId(raw)).toThrow(/owner\/alias/);
  });
});
