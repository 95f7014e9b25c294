import { ApiError, createFal, FalError } from "fal-chain";
import { createEmulator, virtualClock } from "fal-chain/emulator";
import fc from "fast-check";
import { expect, test } from "vitest";
import { cases } from "../support/cases.ts";
import { echo } from "../support/models.ts";
import { printed } from "../support/printed.ts";
import { ECHO, ENV, KEY, SECRET } from "../support/setup.ts";
import { kindOf } from "../support/wire.ts";

// Whatever a server says, a call gives a result or an error of ours, and no error tells the prompt or the key.

const PROMPT = "the prompt that nobody else may read";

/** JSON in the shapes that matter, with anything at all in their places, and with what it was sent. */
const value = fc.oneof(
  { weight: 3, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
  fc.constantFrom<unknown>(
    null,
    [null],
    [[]],
    [{}],
    {},
    [{ loc: "x" }],
    [{ loc: [null], msg: 1 }],
    -1,
    Number.MAX_VALUE,
  ),
);
const echoed = fc.constantFrom<object>(
  {},
  { input: PROMPT },
  { ctx: { prompt: PROMPT } },
  { prompt: PROMPT },
);
const shaped = fc
  .tuple(
    fc.dictionary(
      fc.constantFrom(
        ...["status", "request_id", "queue_position", "logs", "metrics", "error_type", "detail", "items"],
        ...["status_url", "response_url", "cancel_url", "next_cursor", "has_more", "prices"],
      ),
      fc.oneof(
        value,
        fc.constantFrom<unknown>("IN_QUEUE", "IN_PROGRESS", "COMPLETED", "FAILED", `invalid key ${KEY}`, [
          { message: 1 },
        ]),
      ),
    ),
    echoed,
  )
  .map(([body, more]) => ({ ...body, ...more }));
const text = fc.oneof(
  { weight: 4, arbitrary: shaped.map((body) => JSON.stringify(body)) },
  value.map((body) => JSON.stringify(body) ?? ""),
  value.map((detail) => JSON.stringify({ detail })),
  value.map((error) => JSON.stringify({ status: "COMPLETED", error, logs: [error], metrics: error })),
  fc.string(),
  fc.constantFrom("", "<html>", "null", '{"request_id":', `data: {"status":"COMPLETED"}\n\n`, `Key ${KEY}`),
  shaped.map((body) => `data: ${JSON.stringify(body)}\n\n`),
);
const reply = fc.record({
  kind: fc.constantFrom("submit", "status", "stream", "result", "cancel", "other"),
  text,
  status: fc.oneof(
    { weight: 3, arbitrary: fc.constant(200) },
    fc.constantFrom(200, 202, 204, 301, 400, 401, 404, 408, 422, 429, 499, 500, 503, 599),
  ),
  type: fc.constantFrom("application/json", "text/event-stream", "text/html"),
  headers: fc.constantFrom<Record<string, string>>(
    {},
    { "x-fal-request-id": "r1" },
    { "x-fal-billable-units": "many" },
    { "retry-after": "soon", "x-fal-error-type": "?" },
    { location: "https://evil.test/" },
    { date: "yesterday" },
  ),
});
const scripts = fc.array(reply, { minLength: 1, maxLength: 6 });

test("malformed answers, at any point of a call", async () => {
  await fc.assert(
    fc.asyncProperty(scripts, fc.boolean(), async (script, polling) => {
      const clock = virtualClock();
      const emulator = createEmulator({ clock, models: [echo({ lines: ["a"] })] });
      const warnings: unknown[] = [];
      const left = [...script];
      const fal = createFal({
        env: ENV,
        clock,
        retry: { maxRetries: 2 },
        logger: { warn: (...said) => warnings.push(...said) },
        fetch: async (input, init) => {
          const request = new Request(input, init);
          const at = left.findIndex(({ kind }) => kind === kindOf(request));
          if (at < 0) return emulator.fetch(request);
          const [{ text, status, type, headers } = expect.fail("no reply")] = left.splice(at, 1);
          const body = [204, 301].includes(status) ? null : text;
          return new Response(body, { status, headers: { "content-type": type, ...headers } });
        },
      });
      const input = { prompt: PROMPT };
      const mode = polling ? "polling" : "auto";
      const call = fal.subscribe(ECHO, { input, mode, logs: true, timeout: 600_000 });
      const error: unknown = await call.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error !== undefined) {
        expect(error).toBeInstanceOf(FalError);
        expect([String(error), (error as Error).stack].join()).not.toContain(PROMPT);
        // Of an answer it has the body too, and what that quotes is what the platform said.
        const { body, ...said } = (error as FalError).toJSON();
        expect(JSON.stringify(said)).not.toContain(PROMPT);
        expect(body).toEqual(error instanceof ApiError ? error.body : undefined);
        expect(printed(error)).not.toContain(SECRET);
      }
      const outcome = await (error as { cancel?: Promise<string> } | undefined)?.cancel;
      expect(["undefined", "string"]).toContain(typeof outcome);
      expect(printed(warnings)).not.toContain(SECRET);
      await fal.close();
      await emulator.close();
      expect(clock.sleepers).toBe(0);
    }),
    { numRuns: cases(150) },
  );
}, 30_000);
