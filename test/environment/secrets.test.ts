import { secrets } from "fal-chain";
import { expect, expectTypeOf, test } from "vitest";
import * as z from "zod";
import { printed } from "../support/printed.ts";

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

test("the platform's own names are refused", () => {
  expect(() => secrets({ FAL_TOKEN: z.string() }, { FAL_TOKEN: "x" })).toThrow(/belong to the platform/);
});

test("a schema that is asynchronous is refused", () => {
  const later = z.string().refine(async () => true);
  expect(() => secrets({ TOKEN: later }, { TOKEN: "x" })).toThrow(/asynchronous/);
});
