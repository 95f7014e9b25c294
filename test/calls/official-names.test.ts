import * as official from "@fal-ai/client";
import {
  AmbiguousSubmitError,
  ApiError,
  createFalClient,
  isRetryableError,
  parseEndpointId,
} from "fal-chain";
import { createEmulator } from "fal-chain/emulator";
import { expect, test } from "vitest";
import { KEY, SMALL } from "../support/setup.ts";

test.each([
  "fal-ai/flux/schnell",
  "acme/echo",
  "workflows/acme/both/fast/one",
  "comfy/acme/graph",
  "123-sdxl",
])("%s is taken apart as the official client does it", (id) => {
  const { owner, alias, path, namespace } = parseEndpointId(id);
  const theirs = official.parseEndpointId(id);
  expect({ owner, alias, path, namespace }).toEqual({ path: undefined, namespace: undefined, ...theirs });
});

test("createFalClient takes the official client's settings and makes calls", async () => {
  const emulator = createEmulator({ timeScale: 0 });
  const client = createFalClient({
    credentials: () => KEY,
    suppressLocalCredentialsWarning: true,
    fetch: (input, init) => emulator.fetch(new Request(input, init)),
    retry: { maxRetries: 2, baseDelay: 1, maxDelay: 10, backoffMultiplier: 2, enableJitter: false },
  });
  const { data } = await client.run("fal-ai/flux/schnell", { input: SMALL });
  expect(data.images).toHaveLength(1);
  await client.close();
  await emulator.close();
});

test("what may be tried again is what errors say, or what the statuses say that are given", () => {
  const locked = new ApiError({ status: 403, body: {} });
  const busy = new ApiError({ status: 503, body: {} });
  expect([locked, busy].map((error) => isRetryableError(error))).toEqual([false, true]);
  expect([locked, busy].map((error) => isRetryableError(error, [403]))).toEqual([true, false]);
  expect(isRetryableError(new AmbiguousSubmitError("acme/echo", "a reset"))).toBe(false);
  expect(isRetryableError(new Error("no"))).toBe(false);
});
