import { memoryStore, secrets } from "fal-chain";
import { expect, expectTypeOf, test } from "vitest";
import * as z from "zod";
import { printed } from "../support/printed.ts";
import { failureOf, setup } from "../support/setup.ts";

test("secrets are checked, converted and typed by their schemas", () => {
  const read = secrets(
    { DATABASE_URL: z.url(), WORKERS: z.coerce.number(), OPTIONAL: z.string().optional() },
    { DATABASE_URL: "postgres://db/x", WORKERS: "4" },
  );
  expect(read).toEqual({ DATABASE_URL: "postgres://db/x", WORKERS: 4, OPTIONAL: undefined });
  expect(Object.isFrozen(read)).toBe(true);
  expectTypeOf(read).toEqualTypeOf<{
    readonly DATABASE_URL: string;
    readonly WORKERS: number;
    readonly OPTIONAL: string | undefined;
  }>();
});

test("a missing secret is named, with the way to set it", () => {
  expect(() => secrets({ TOKEN: z.string() }, {})).toThrow(
    expect.objectContaining({
      code: "missing_variable",
      variable: "TOKEN",
      message: expect.stringContaining("fal secrets set TOKEN"),
    }),
  );
});

test("a bad secret is named and never printed, even by a schema that quotes it", () => {
  const quoting = z.string().refine(() => false, { error: ({ input }) => `not ${String(input)}` });
  try {
    secrets({ TOKEN: quoting }, { TOKEN: "hunter2" });
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ code: "invalid_variable", variable: "TOKEN" });
    expect(printed(error)).not.toContain("hunter2");
  }
});

test("a short secret is hidden where it is a word of its own, and spoils no other one", async () => {
  const { WORD, PIN, ODD } = secrets(
    { WORD: z.string(), PIN: z.string(), ODD: z.string() },
    { WORD: "zug7wan", PIN: "4893", ODD: "a$q(" },
  );
  const said: unknown[] = [];
  const store = { ...memoryStore(), durable: true };
  const { fal } = setup({ store, logger: { warn: (...line) => said.push(line) } });
  const one = fal.chain("one", async () => {
    throw Object.assign(new Error(`it is ${WORD} or ${PIN} or ${ODD}c, not zug7wans, 48930 or 4893`), {
      basic: btoa(`me:${WORD}`),
      query: `?pin=${PIN}&x=${encodeURIComponent(ODD)}`,
      count: 4893,
      zug7wan: "a field",
    });
  });
  await failureOf(one.start(undefined, { id: "1" }));
  const kept = await fal.runs.get("one", "1");
  expect(kept?.error).toMatchObject({
    message: "it is … or … or …c, not zug7wans, 48930 or …",
    facts: { basic: expect.stringContaining("…"), query: "?pin=…&x=…", count: 4893 },
  });
  expect(printed(said)).not.toMatch(/\bzug7wan\b(?!")/);
});

test("the platform's own names are refused", () => {
  expect(() => secrets({ FAL_TOKEN: z.string() }, { FAL_TOKEN: "x" })).toThrow(/belong to the platform/);
});

test("a schema that is asynchronous is refused", () => {
  const later = z.string().refine(async () => true);
  expect(() => secrets({ TOKEN: later }, { TOKEN: "x" })).toThrow(/asynchronous/);
});

test("all that is missing is said at once, with the one command that sets it", () => {
  const schemas = { TOKEN: z.string(), PORT: z.coerce.number(), DATABASE_URL: z.url() };
  expect(() => secrets(schemas, { PORT: "m4ny" })).toThrow(
    expect.objectContaining({
      code: "missing_variable",
      message: expect.stringMatching(
        /^TOKEN is not set, PORT does not match .*, DATABASE_URL is not set\. .*fal-chain secrets set TOKEN=… DATABASE_URL=…/,
      ),
    }),
  );
});
