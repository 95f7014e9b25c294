import { afterEach, expect, test, vi } from "vitest";
import {
  type EmulatorServer,
  type FaultText,
  serveEmulator,
  virtualClock,
} from "../../src/emulator/index.ts";
import { echo, KEY, type Submitted } from "../support/stage.ts";

let server: EmulatorServer | undefined;
const setUp = async () => {
  const open = await serveEmulator({ clock: virtualClock(), models: [echo] });
  server = open;
  const submit = () =>
    fetch(`${open.url}/queue/acme/echo/v1`, {
      method: "POST",
      body: "{}",
      headers: { ...KEY, "content-type": "application/json" },
    });
  const read = (url: string) => fetch(url, { headers: KEY });
  return { ...open, submit, read, faults: open.emulator.faults };
};
afterEach(() => server?.close());

test.each<[FaultText, string, number]>([
  ["lost-response", "ECONNRESET", 1],
  ["lost-response; how=hang-up", "UND_ERR_SOCKET", 1],
  ["reset-before", "ECONNRESET", 0],
  ["reset-before; how=hang-up", "UND_ERR_SOCKET", 0],
])("over a socket %s is what Node calls %s, with %i jobs left behind", async (fault, code, jobs) => {
  const { submit, faults, emulator } = await setUp();
  faults.next("submit", fault);
  await expect(submit()).rejects.toMatchObject({ message: "fetch failed", cause: { code } });
  expect(emulator.jobs).toHaveLength(jobs);
  expect((await submit()).status).toBe(200);
});

test("a connection that was made cannot be refused any more, and it says so", async () => {
  const { submit, faults } = await setUp();
  faults.next("submit", "refused");
  const answer = await submit();
  expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining("in process")]);
});

test.each<[FaultText, number]>([
  ["truncated; bytes=7", 7],
  ["truncated; bytes=0", 0],
])(
  "over a socket a body that is %s arrives in part, after its headers, and then breaks",
  async (fault, length) => {
    const printed = vi.spyOn(console, "error");
    const { submit, faults } = await setUp();
    faults.next("submit", fault);
    const answer = await submit();
    expect(answer.status).toBe(200);
    const got: number[] = [];
    const reading = (async () => {
      for await (const chunk of answer.body ?? []) got.push(...chunk);
    })();
    await expect(reading).rejects.toMatchObject({ message: "terminated", cause: { code: "UND_ERR_SOCKET" } });
    expect(got).toHaveLength(length);
    expect(printed).not.toHaveBeenCalled();
  },
);

test("over a socket a stream is cut after its events, or split into bytes", async () => {
  const { submit, read, faults } = await setUp();
  faults.next("stream", "stream-cut; afterEvents=2");
  faults.next("stream", "stream-split");
  const { status_url } = (await (await submit()).json()) as Submitted;
  const cut = await read(`${status_url}/stream`);
  let text = "";
  const reading = (async () => {
    for await (const chunk of cut.body ?? []) text += new TextDecoder().decode(chunk);
  })();
  await expect(reading).rejects.toThrow("terminated");
  expect(text.match(/^data: .*\n\n/gm)).toHaveLength(2);
  const split = await read(`${status_url}/stream`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of split.body ?? []) chunks.push(chunk);
  // A busy machine puts some of the bytes together again.
  expect(chunks.length).toBeGreaterThan(20);
  expect(Buffer.concat(chunks).toString()).toMatch(/"status":"COMPLETED".*\n\n$/);
});

test("over a socket a stalled stream leaves nothing behind once the reader has gone, and closing is not held up", async () => {
  const { submit, faults, emulator, close } = await setUp();
  faults.next("stream", "stream-stall", 2);
  const { status_url } = (await (await submit()).json()) as Submitted;
  const reader = new AbortController();
  for (const signal of [reader.signal, undefined]) {
    const stalled = await fetch(`${status_url}/stream`, { headers: KEY, ...(signal && { signal }) });
    expect((await stalled.body?.getReader().read())?.done).toBe(false);
  }
  reader.abort();
  expect(emulator.received).toHaveLength(3);
  const startedAt = performance.now();
  await close();
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});

test("every answer is dated by the emulator's clock", async () => {
  const { submit } = await setUp();
  expect((await submit()).headers.get("date")).toBe("Thu, 01 Jan 2026 00:00:00 GMT");
});
