import { createFal, type FalError, memoryStore } from "fal-chain";
import { virtualClock } from "fal-chain/emulator";
import fc from "fast-check";
import { expect, test } from "vitest";
import { cases } from "../support/cases.ts";
import { KEY } from "../support/setup.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const chunk = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.string().map((text) => bytes(`data: ${text}\n\n`)),
  fc.json().map((text) => bytes(`data: ${text}\n\n`)),
);
const story = fc.record({
  chunks: fc.array(chunk, { maxLength: 6 }),
  type: fc.constantFrom("text/event-stream", "application/octet-stream", "text/html", "application/json", ""),
  end: fc.constantFrom("ends", "breaks", "stalls"),
  isInRun: fc.boolean(),
});

/** A fetch whose streams are made of these. */
const fetchOf =
  ({
    chunks,
    type,
    end,
  }: Pick<typeof story extends fc.Arbitrary<infer S> ? S : never, "chunks" | "type" | "end">) =>
  async (address: unknown): Promise<Response> => {
    if (!String(address).endsWith("/stream")) return new Response("{}", { status: 404 });
    const left = [...chunks];
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const next = left.shift();
        if (next) return controller.enqueue(next);
        if (end === "ends") return controller.close();
        if (end === "breaks") return controller.error(new TypeError("terminated"));
        return new Promise(() => {});
      },
    });
    return new Response(body, type ? { headers: { "content-type": type, "x-fal-request-id": "r-1" } } : {});
  };

test("whatever comes in a stream, it ends with a result or an error of ours, and nothing is left", async () => {
  const holds = fc.asyncProperty(story, async ({ isInRun, ...wire }) => {
    const clock = virtualClock();
    const settings = { credentials: KEY, clock, store: memoryStore(), logger: { warn() {} } };
    const fal = createFal({ ...settings, ambiguousSubmit: "throw", fetch: fetchOf(wire) });
    const read = async () => {
      const stream = await fal.stream("a/b", { input: {}, timeout: 1_000 });
      for await (const _ of stream);
      await stream.done();
    };
    const reading = isInRun ? fal.chain("x", read).start(undefined, { id: "a" }) : read();
    await Promise.resolve(reading).catch((error: FalError) => expect(error.code).toBeDefined());
    await fal.close();
    expect(clock.sleepers).toBe(0);
    const [call] = await fal.calls.list();
    expect(call?.state).toMatch(/completed|given-up|ambiguous|failed/);
  });
  await fc.assert(holds, { numRuns: cases(120) });
});
