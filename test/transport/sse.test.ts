import fc from "fast-check";
import { expect, test } from "vitest";
import { readEvents } from "../../src/transport/sse.ts";
import { collect } from "../support/setup.ts";

const read = (data: string) => data;

/** An encoder of its own: what it writes is not read by the code that wrote it. */
function encode(events: readonly string[], eol: string): Uint8Array {
  const lines = events.flatMap((data) => [": ping", ...data.split("\n").map((line) => `data: ${line}`), ""]);
  return new TextEncoder().encode(lines.map((line) => line + eol).join(""));
}

const inChunks = (bytes: Uint8Array, cuts: readonly number[]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      const ends = [...new Set([...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])];
      let from = 0;
      for (const to of ends.toSorted((a, b) => a - b)) {
        controller.enqueue(bytes.slice(from, to));
        from = to;
      }
      controller.close();
    },
  });

test("events come out whole, however their bytes are cut", async () => {
  const text = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
    .map((s) => s.replace(/[\r\n]/g, "¶"));
  const event = fc.array(text, { minLength: 1, maxLength: 3 }).map((lines) => lines.join("\n"));
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { maxLength: 6 }),
      fc.constantFrom("\n", "\r\n", "\r"),
      fc.array(fc.nat(2_000), { maxLength: 30 }),
      async (events, eol, cuts) => {
        const { seen, error } = await collect(readEvents(inChunks(encode(events, eol), cuts), { read }));
        expect(error).toBeUndefined();
        expect(seen).toEqual(events);
      },
    ),
  );
});

test("characters of several bytes survive a cut at each of their bytes", async () => {
  const bytes = encode(["déjà 🦊 vu", "灯台"], "\n");
  const each = Array.from({ length: bytes.length }, (_, i) => i);
  const { seen } = await collect(readEvents(inChunks(bytes, each), { read }));
  expect(seen).toEqual(["déjà 🦊 vu", "灯台"]);
});

test("every chunk is a sign of life, a comment too", async () => {
  let signs = 0;
  const bytes = new TextEncoder().encode(": ping\n\n: ping\n\n");
  const { seen } = await collect(readEvents(inChunks(bytes, [8]), { read, onBytes: () => signs++ }));
  expect({ seen, signs }).toEqual({ seen: [], signs: 2 });
});

test("an event that is cut short by the end is not told", async () => {
  const { seen } = await collect(
    readEvents(inChunks(new TextEncoder().encode("data: a\n\ndata: b\n"), []), { read }),
  );
  expect(seen).toEqual(["a"]);
});

test("leaving the loop closes the connection", async () => {
  let closed = false;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encode(["a"], "\n")),
    cancel: () => {
      closed = true;
    },
  });
  for await (const _ of readEvents(body, { read })) break;
  expect(closed).toBe(true);
});

test("an event without end does not eat the memory", async () => {
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(new TextEncoder().encode(sent++ ? "x".repeat(1 << 20) : "data: "));
    },
  });
  const { error } = await collect(readEvents(body, { read }));
  expect(error).toBeInstanceOf(Error);
  expect(sent).toBeLessThan(30);
});

test.each(["", ": a comment", "foo: ", "data: a\n", "\r\n\r\n"])(
  "bytes that make no event are not read for ever, after %j",
  async (first) => {
    let sent = 0;
    let isLeft = false;
    const endless = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(`data: one\n\n${first}`)),
      pull(controller) {
        sent += 65_536;
        if (sent > 64 * 2 ** 20) return controller.close();
        controller.enqueue(new Uint8Array(65_536).fill(0x20));
      },
      cancel: () => {
        isLeft = true;
      },
    });
    const { seen, error } = await collect(readEvents(endless, { read }));
    expect(seen).toEqual(["one"]);
    expect(error).toMatchObject({ message: expect.stringContaining("without an event") });
    expect(sent).toBeLessThan(17 * 2 ** 20);
    expect(isLeft).toBe(true);
  },
);

test("an abort ends the loop with its reason, even if the body never ends", async () => {
  const user = new AbortController();
  const body = new ReadableStream<Uint8Array>();
  const events = collect(readEvents(body, { read, signal: user.signal }));
  user.abort("enough");
  expect(await events).toEqual({ seen: [], error: "enough" });
});
