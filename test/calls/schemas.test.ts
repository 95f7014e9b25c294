import { OutputMismatchError } from "fal-chain";
import { expect, test } from "vitest";
import * as z from "zod";
import { ECHO, failureOf, setup } from "../support/setup.ts";

const Echo = { input: z.object({ n: z.number() }), output: z.object({ echo: z.object({ n: z.number() }) }) };

test("an endpoint's input is checked before anything is sent, and goes as it was given", async () => {
  const { fal, emulator, sent } = setup();
  const Doubling = fal.endpoint(ECHO, {
    ...Echo,
    input: z.object({ n: z.number().transform((n) => n * 2) }),
  });
  await fal.subscribe(Doubling, { input: { n: 1 } });
  expect(emulator.jobs[0]?.input).toEqual({ n: 1 });
  const error = await failureOf(fal.subscribe(Doubling, { input: { n: "one" as never } }));
  expect(error).toMatchObject({ code: "input_mismatch", billed: false, issues: [{ path: "n" }] });
  expect(sent.filter(({ kind }) => kind === "submit")).toHaveLength(1);
});

test("an output that breaks its schema is an error that holds the paid result", async () => {
  const { fal } = setup();
  const call = fal.subscribe(ECHO, { input: { n: "one" }, output: Echo.output });
  const error = (await failureOf(call)) as OutputMismatchError;
  expect(error).toBeInstanceOf(OutputMismatchError);
  expect(error).toMatchObject({ billed: true, requestId: (await call.submitted).requestId });
  expect(error.message).toMatch(/echo\.n/);
  expect(error.result).toMatchObject({ data: { echo: { n: "one" } }, billing: { units: 1 } });
  expect(JSON.stringify(error)).not.toContain("one");
});

test("a schema that never decides holds nobody who gives up, and what was paid for stays", async () => {
  const { fal } = setup();
  const validate = () => new Promise<never>(() => {});
  const output = { "~standard": { version: 1, vendor: "acme", validate } } as const;
  const call = fal.subscribe(ECHO, { input: { n: 1 }, output });
  const completed = async () => (await fal.calls.list({ state: "completed" })).length > 0;
  while (!(await completed())) await new Promise(setImmediate);
  await call.cancel();
  expect(await failureOf(call)).toMatchObject({ code: "aborted" });
  expect(await completed()).toBe(true);
  await fal.close();
});

test("a schema that passes gives what it makes of the output", async () => {
  const { fal } = setup();
  const output = Echo.output.transform(({ echo }) => echo.n + 1);
  expect((await fal.subscribe(ECHO, { input: { n: 1 }, output })).data).toBe(2);
});
