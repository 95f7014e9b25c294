import { ValidationError } from "fal-chain";
import { expect, test } from "vitest";
import { ECHO, failureOf, setup } from "../support/setup.ts";
import { instead } from "../support/wire.ts";

// A model's word on its input is a ValidationError, whatever its shape, and its message is for people.

const DEEP = 50_000;
const problem = (loc: string, rest = "") => `{"detail":[{"loc":${loc},"msg":"no","type":"x"${rest}}]}`;
const many = JSON.stringify({
  detail: Array.from({ length: 20_000 }, (_, n) => ({ loc: ["body", `f${n}`], msg: "no", type: "x" })),
});

test.each([
  ["a deep loc", problem(`${"[".repeat(DEEP)}${"]".repeat(DEEP)}`)],
  ["a deep context", problem('["body","a"]', `,"ctx":${'{"a":'.repeat(DEEP)}1${"}".repeat(DEEP)}`)],
  ["a long loc", problem(JSON.stringify(["body", ...Array.from({ length: 50_000 }, () => "x".repeat(20))]))],
  ["a long part", problem(JSON.stringify(["body", "x".repeat(500_000)]))],
  ["many problems", many],
  ["a long text", JSON.stringify({ detail: "x".repeat(2_000_000) })],
  ["a long type", JSON.stringify({ detail: [{ loc: ["body"], msg: "no", type: "x".repeat(2_000_000) }] })],
  ["no JSON", "<html>"],
  ["nothing", ""],
])("%s", async (_, body) => {
  for (const kind of ["submit", "result"] as const) {
    const wire = instead(
      kind,
      () => new Response(body, { status: 422, headers: { "content-type": "application/json" } }),
    );
    const { fal } = setup({ wire });
    const error = await failureOf(fal.subscribe(ECHO, { input: {} }));
    expect(error).toBeInstanceOf(ValidationError);
    expect((error as Error).message.length).toBeLessThan(5_000);
    expect((error as ValidationError).errorType?.length ?? 0).toBeLessThan(300);
    expect(Array.isArray((error as ValidationError).fieldErrors)).toBe(true);
    await fal.close();
    expect((await fal.calls.list()).length).toBe(1);
    expect((await fal.costs()).total.calls).toBe(1);
    await fal.subscribe(ECHO, { input: {} }).catch(() => {});
  }
});
