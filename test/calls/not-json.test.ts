import { memoryStore } from "fal-chain";
import { describe, expect, test } from "vitest";
import { ECHO, failureOf, setup } from "../support/setup.ts";
import { instead } from "../support/wire.ts";

const PNG = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0, 255);
const PAGE = "<html>hello</html>";

const CASES: [type: string | undefined, body: string | Uint8Array<ArrayBuffer>, data: unknown][] = [
  ["application/json", '{"a":1}', { a: 1 }],
  ["application/problem+json; charset=utf-8", "[1]", [1]],
  ["application/json", "said to be JSON", "said to be JSON"],
  ["application/json", "", ""],
  ["text/plain", '{"a":1}', '{"a":1}'],
  ["text/html", PAGE, PAGE],
  ["application/octet-stream", "plain", new TextEncoder().encode("plain").buffer],
  ["image/png", PNG, PNG.buffer],
  ["image/svg+xml", "<svg/>", "<svg/>"],
  [undefined, '{"a":1}', { a: 1 }],
  [undefined, "ü", "ü"],
  [undefined, PNG, PNG.buffer],
  ["application/json", '{"fal-chain":"bytes","base64":"AA=="}', { "fal-chain": "bytes", base64: "AA==" }],
];

test.each([204, 205])("a result that is answered %i is there", async (status) => {
  const { fal, sent } = setup({ wire: instead("result", () => new Response(null, { status })) });
  expect((await fal.subscribe(ECHO, { input: {} })).data).toBe("");
  expect(sent.filter(({ kind }) => kind === "result")).toHaveLength(1);
});

const answering = (type: string | undefined, body: string | Uint8Array<ArrayBuffer>) =>
  instead("result", () => {
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    return new Response(bytes, type === undefined ? {} : { headers: { "content-type": type } });
  });

describe("a result is what its content type says, for everybody who reads it and each time", () => {
  test.each(CASES)("%s %o", async (type, body, data) => {
    const store = memoryStore();
    const { fal, sent, emulator } = setup({ wire: answering(type, body), store });
    const first = await fal.subscribe(ECHO, { input: { a: 1 } });
    expect(first.data).toStrictEqual(data);
    expect(sent.filter(({ kind }) => kind === "result").length).toBeLessThanOrEqual(5);
    expect((await fal.queue.result(ECHO, { requestId: first.requestId })).data).toStrictEqual(data);
    const [record] = await fal.calls.list();
    const recorded = JSON.parse(JSON.stringify(record?.outcome?.data));
    expect(recorded).toStrictEqual(record?.outcome?.data);
    const again = fal.calls.collect(record?.id ?? "");
    expect((await again).data).toStrictEqual(data);
    const { response } = await again.withResponse();
    if (data instanceof ArrayBuffer) expect(await response.arrayBuffer()).toStrictEqual(data);
    else expect(await response.text()).toBe(typeof data === "string" ? data : JSON.stringify(data));
    expect(emulator.jobs).toHaveLength(1);
  });

  test.each(CASES)("in a run that is resumed too: %s %o", async (type, body, data) => {
    const { fal, emulator } = setup({ wire: answering(type, body), store: memoryStore() });
    const seen: unknown[] = [];
    const chain = fal.chain("twice", async () => {
      seen.push((await fal.subscribe(ECHO, { input: {} })).data);
      if (seen.length === 1) throw new Error("a bug");
      return "done";
    });
    await failureOf(chain.start(undefined, { id: "a" }));
    expect(await chain.resume("a")).toBe("done");
    expect(seen).toStrictEqual([data, data]);
    expect(emulator.jobs).toHaveLength(1);
  });
});

test("a body that may be a mishap on the way is asked for again before it is taken for a result", async () => {
  for (const [type, body] of [
    ["application/json", '{"cut":'],
    ["text/html", PAGE],
  ]) {
    const reply = () => new Response(body, { headers: { "content-type": type ?? "" } });
    const { fal } = setup({ wire: instead("result", reply, 2) });
    expect((await fal.subscribe(ECHO, { input: { a: 1 } })).data).toMatchObject({ echo: { a: 1 } });
  }
});

test("a garbled body is kept where no repeat is left, and a text of fal's own is believed at once", async () => {
  const garbled = answering("application/json", "half a");
  const { fal } = setup({ wire: garbled, retry: { maxRetries: 0 } });
  expect((await fal.subscribe(ECHO, { input: {} })).data).toBe("half a");
  const headers = { "content-type": "text/html", "x-fal-request-id": "r" };
  const own = setup({ wire: instead("result", () => new Response(PAGE, { headers })) });
  expect((await own.fal.subscribe(ECHO, { input: {} })).data).toBe(PAGE);
  expect(own.sent.filter(({ kind }) => kind === "result")).toHaveLength(1);
});
