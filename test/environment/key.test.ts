import { createFal, EnvironmentError, readEnvironment } from "fal-chain";
import { describe, expect, test } from "vitest";
import { printed } from "../support/printed.ts";
import { ECHO, failureOf, KEY, SECRET, setup } from "../support/setup.ts";

const keyOf = (env: Record<string, string>, credentials?: string) =>
  readEnvironment(env, { credentials }).key;

function thrownBy(read: () => unknown): EnvironmentError {
  try {
    read();
  } catch (error) {
    if (error instanceof EnvironmentError) return error;
    throw error;
  }
  throw new Error("it should have thrown");
}

test.each([
  ["FAL_KEY", { FAL_KEY: "a:b" }, "Key a:b"],
  ["FAL_KEY with white space around it", { FAL_KEY: " a:b\n" }, "Key a:b"],
  ["the pair", { FAL_KEY_ID: "a", FAL_KEY_SECRET: "b" }, "Key a:b"],
  ["FAL_KEY before the pair", { FAL_KEY: "x:y", FAL_KEY_ID: "a", FAL_KEY_SECRET: "b" }, "Key x:y"],
  ["the pair where FAL_KEY is empty", { FAL_KEY: " ", FAL_KEY_ID: "a", FAL_KEY_SECRET: "b" }, "Key a:b"],
])("the key is read from %s", (_, env, header) => {
  expect(keyOf(env).header()).toBe(header);
});

test("the credentials option wins, as a text or as a function that is asked for each request", async () => {
  let key = "c:1";
  for (const credentials of [key, () => key]) {
    const { fal, sent } = setup({ credentials });
    await fal.queue.submit(ECHO, { input: {} });
    expect(sent[0]?.authorization).toBe("Key c:1");
    if (typeof credentials === "string") continue;
    key = "c:2";
    await fal.queue.submit(ECHO, { input: {} });
    expect(sent[1]?.authorization).toBe("Key c:2");
  }
});

test("without a key the error says when fal injects it and how to set it elsewhere", () => {
  const error = thrownBy(() => keyOf({}));
  expect(error).toMatchObject({ code: "missing_variable", variable: "FAL_KEY" });
  for (const word of [
    "run time",
    "privileged access",
    "never while the image",
    "FAL_KEY=key_id:key_secret",
  ]) {
    expect(error.message).toContain(word);
  }
});

test("half a pair names the half that is missing", () => {
  expect(thrownBy(() => keyOf({ FAL_KEY_ID: "a" })).message).toMatch(/^FAL_KEY_SECRET is not set, although/);
  expect(thrownBy(() => keyOf({ FAL_KEY_SECRET: "b" })).message).toMatch(/^FAL_KEY_ID is not set, although/);
});

describe("a malformed key is named by its fault", () => {
  test.each([
    ["has quotation marks", `"${KEY}"`],
    ["begins with an authorization scheme", `Key ${KEY}`],
    ["begins with an authorization scheme", `Bearer ${KEY}`],
    ["has white space inside", KEY.replace(":", ": ")],
    ["has characters that no key has", `${KEY}é`],
    ["has no colon", SECRET],
    ["more than one colon", `${KEY}:x`],
    ["nothing on one side", `:${SECRET}`],
  ])("%s, and never printed", (fault, value) => {
    for (const [read, variable] of [
      [() => keyOf({ FAL_KEY: value }), "FAL_KEY"],
      [() => keyOf({}, value), "credentials"],
    ] as const) {
      const error = thrownBy(read);
      expect(error).toMatchObject({ code: "invalid_variable", variable });
      expect(error.message).toContain(fault);
      expect(error.message).toContain("key_id:key_secret");
      expect(printed(error)).not.toContain(SECRET);
    }
  });
});

test("a call without a key is an error and falls back to nothing", async () => {
  const { fal, sent } = setup({ env: {} });
  expect(await failureOf(fal.subscribe(ECHO, { input: {} }))).toBeInstanceOf(EnvironmentError);
  expect(await failureOf(fal.queue.submit(ECHO, { input: {} }))).toBeInstanceOf(EnvironmentError);
  expect(await failureOf(fal.price(ECHO))).toBeInstanceOf(EnvironmentError);
  expect(sent).toEqual([]);
});

test("a key that was set after the client was made is found", async () => {
  const env: Record<string, string> = {};
  const fal = createFal({ env });
  expect(() => fal.environment.key).toThrow(EnvironmentError);
  env["FAL_KEY"] = "late:key";
  expect(fal.environment.key.header()).toBe("Key late:key");
});
