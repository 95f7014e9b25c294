import { createFalClient } from "@fal-ai/client";
import { createFal, type Fal, type FalOptions, withMiddleware, withProxy } from "fal-chain";
import { createEmulator } from "fal-chain/emulator";
import { afterEach, describe, expect, test, vi } from "vitest";
import { echo } from "../support/models.ts";
import { ECHO, ENV, failureOf, KEY, SECRET, setup } from "../support/setup.ts";
import { instead, json } from "../support/wire.ts";

// A program of the official client keeps its proxy and its middleware when its import is changed, and keeps its key too.

afterEach(() => vi.unstubAllGlobals());

const PROXY = "/api/fal/proxy";
const inPage = () => vi.stubGlobal("window", { document: {} });

type Headers = Record<string, string>;

/** A fetch to a proxy that has a key, and what it was sent. */
function proxied() {
  const emulator = createEmulator({ timeScale: 0, models: [echo()] });
  const sent: { to: string; target: string | undefined; authorization: string | undefined }[] = [];
  const fetch = (async (url: string, init: RequestInit & { headers: Headers }) => {
    const named = Object.fromEntries(Object.entries(init.headers).map(([k, v]) => [k.toLowerCase(), v]));
    sent.push({ to: url, target: named["x-fal-target-url"], authorization: named["authorization"] });
    const headers = { ...named, ...(url === PROXY && { authorization: `Key ${KEY}` }) };
    return emulator.fetch(new Request(new URL(url, "http://127.0.0.1:3000"), { ...init, headers }));
  }) as unknown as typeof globalThis.fetch;
  return { emulator, sent, fetch };
}

async function useAll(client: Pick<Fal, "queue" | "storage">): Promise<void> {
  const input = { text: "a fox" };
  const { request_id: requestId } = await client.queue.submit(ECHO, { input });
  await client.queue.status(ECHO, { requestId, logs: true });
  await client.queue.result(ECHO, { requestId });
  await client.queue.cancel(ECHO, { requestId }).catch(() => {});
  await client.storage.upload(new File(["a"], "a.txt"));
}

test("in a page, requests go to proxyUrl as the official client sends them there, without a key", async () => {
  inPage();
  const ours = proxied();
  const fal = createFal({ proxyUrl: PROXY, env: {}, fetch: ours.fetch, logger: { warn() {} } });
  await useAll(fal);
  // What only the account may ask is not asked in vain.
  expect(await failureOf(fal.price(ECHO))).toMatchObject({
    status: 403,
    message: expect.stringMatching(/on the server/),
  });
  await fal.close();
  expect((await fal.calls.list())[0]?.cost).toMatchObject({ source: "unknown" });
  const theirs = proxied();
  await useAll(createFalClient({ proxyUrl: PROXY, fetch: theirs.fetch }) as never);
  const unnamed = ({ sent }: typeof ours) => JSON.parse(JSON.stringify(sent).replaceAll(/[\w-]{36}/g, "ID"));
  expect(unnamed(ours)).toEqual(unnamed(theirs));
  const throughProxy = unnamed(ours).filter(({ to }: { to: string }) => to === PROXY);
  expect(throughProxy).toHaveLength(5);
  expect(new Set([...ours.sent, ...theirs.sent].map(({ authorization }) => authorization))).toEqual(
    new Set([undefined]),
  );
});

describe("where proxyUrl is used", () => {
  const worker = (userAgent: string) => () => vi.stubGlobal("navigator", { userAgent });
  const never = () => false;
  test.each<[string, () => void, FalOptions["proxyUrl"], boolean]>([
    ["a page", inPage, PROXY, true],
    ["a page, with a gate that says no", inPage, { url: PROXY, when: never }, false],
    ["a page's worker", worker("Mozilla/5.0 (X11)"), PROXY, true],
    ["a server's worker", worker("Cloudflare-Workers"), PROXY, false],
    ["Node", () => {}, PROXY, false],
    ["Node, and no address", () => {}, "", false],
    ["Node, always", () => {}, { url: PROXY, when: "always" }, true],
    ["Node, with a gate", () => {}, { url: PROXY, when: ({ isBrowser }) => !isBrowser }, true],
  ])("%s", async (_, stub, proxyUrl = "", isUsed) => {
    stub();
    const { fetch, sent } = proxied();
    const fal = createFal({ proxyUrl, credentials: KEY, fetch, logger: { warn() {} } });
    await fal.queue.submit(ECHO, { input: {} });
    const direct = { to: `https://queue.fal.run/${ECHO}`, target: undefined, authorization: `Key ${KEY}` };
    expect(sent[0]).toEqual(isUsed ? { to: PROXY, target: direct.to, authorization: undefined } : direct);
  });

  test("who has no key on a server is told that proxyUrl is for pages", async () => {
    const fal = createFal({ proxyUrl: PROXY, env: {} });
    expect(String(await failureOf(fal.queue.submit(ECHO, { input: {} })))).toMatch(
      /FAL_KEY is not set.*when: "always"/,
    );
  });
});

test.each([
  [{}, 1],
  [{ suppressLocalCredentialsWarning: true }, 0],
  [{ proxyUrl: PROXY }, 0],
])("a key that is used in a page is warned of once: %o", async (options, times) => {
  inPage();
  const { fetch } = proxied();
  const warned: string[] = [];
  const logger = {
    warn: (details: object, message: string) => warned.push(message + JSON.stringify(details)),
  };
  const fal = createFal({ credentials: KEY, fetch, logger, ...options });
  await fal.queue.submit(ECHO, { input: {} });
  await fal.queue.submit(ECHO, { input: {} });
  const found = warned.filter((text) => text.includes("The key is in a page"));
  expect(found).toHaveLength(times);
  expect(`${found}`).not.toContain(SECRET);
});

describe("requestMiddleware", () => {
  const headers = () => {
    const seen: Record<string, string>[] = [];
    const emulator = createEmulator({ timeScale: 0, models: [echo()] });
    const fetch = (async (url: string, init: RequestInit & { headers: Headers }) => {
      seen.push({ url, ...(init.headers as Headers) });
      return emulator.fetch(new Request(url.replace("gateway.test", "queue.fal.run"), init));
    }) as unknown as typeof globalThis.fetch;
    return { seen, fetch };
  };

  test("several are one, in their order, and may set headers, the key's too", async () => {
    const { seen, fetch } = headers();
    const add = (value: string) => async (request: Parameters<ReturnType<typeof withProxy>>[0]) => ({
      ...request,
      headers: { ...request.headers, "x-trace": [request.headers?.["x-trace"] ?? "", value].flat() },
    });
    const key = async (request: Parameters<ReturnType<typeof withProxy>>[0]) => ({
      ...request,
      headers: { ...request.headers, authorization: "Key mine:own", "user-agent": "mine" },
    });
    const unused = withProxy({ targetUrl: PROXY });
    const fal = createFal({
      fetch,
      env: {},
      requestMiddleware: withMiddleware(add("1"), undefined, add("2"), key, unused),
    });
    await fal.queue.submit(ECHO, { input: {}, hint: "h" });
    expect(seen[0]).toMatchObject({
      url: `https://queue.fal.run/${ECHO}`,
      "x-trace": ", 1, 2",
      authorization: "Key mine:own",
      "user-agent": "mine",
      "Content-Type": "application/json",
    });
    expect(Object.keys(seen[0] ?? {}).filter((name) => /authorization|user-agent/i.test(name))).toHaveLength(
      2,
    );
  });

  test("the key goes nowhere but to fal, whatever it says", async () => {
    const { seen, fetch } = headers();
    const fal = createFal({
      env: ENV,
      fetch,
      requestMiddleware: async (request) => ({
        ...request,
        url: request.url.replace("queue.fal.run", "gateway.test"),
      }),
    });
    await failureOf(fal.queue.submit(ECHO, { input: {} }));
    expect(seen.map(({ url }) => url)).toEqual([`https://gateway.test/${ECHO}`]);
    expect(JSON.stringify(seen)).not.toContain(SECRET);
  });

  test.each<[string, FalOptions["requestMiddleware"], object]>([
    ["throws", () => Promise.reject(new Error("no token")), { code: "fetch", billed: false }],
    ["gives nothing", async () => undefined as never, { code: "invalid_argument" }],
    ["changes the method", async (request) => ({ ...request, method: "GET" }), { code: "invalid_argument" }],
    ["never ends", () => new Promise(() => {}), { code: "fetch", billed: false }],
  ])("one that %s is an error at once, and nothing is sent", async (_, requestMiddleware, expected) => {
    const { fal, sent, emulator } = setup({ ...(requestMiddleware && { requestMiddleware }) });
    const error = await failureOf(fal.subscribe(ECHO, { input: {} }));
    expect(error).toMatchObject(expected);
    expect(String(error)).toMatch(/requestMiddleware.*Nothing was sent/);
    expect([sent.length, emulator.jobs.length]).toEqual([0, 0]);
    expect((await fal.calls.list())[0]?.state ?? "failed").toBe("failed");
  });
});

describe("retryableStatusCodes", () => {
  test.each([
    ["submit", 429, undefined, 3],
    ["submit", 429, [503], 1],
    ["submit", 500, [500], 1],
    ["submit", 404, [404], 1],
    ["status", 500, undefined, 3],
    ["status", 500, [429], 1],
    ["status", 404, [404], 3],
    ["result", 500, [500], 1],
  ] as const)(
    "a %s that is answered with %i, of %o, is sent %i times",
    async (kind, status, statuses, times) => {
      const answer = () => json({ detail: "no" }, { status, headers: { "x-fal-request-id": "r1" } });
      const { fal, sent } = setup({
        wire: instead(kind, answer),
        ambiguousSubmit: "throw",
        retry: { maxRetries: 2, ...(statuses && { retryableStatusCodes: statuses }) },
      });
      const asked = { requestId: "r1" };
      await failureOf(
        kind === "submit" ? fal.queue.submit(ECHO, { input: {} }) : fal.queue[kind](ECHO, asked),
      );
      expect(sent.filter((request) => request.kind === kind)).toHaveLength(times);
    },
  );
});

test("responseHandler is told of each answer, and changes none", async () => {
  const told: string[] = [];
  const warned: string[] = [];
  const { fal } = setup({
    logger: { warn: (_, message) => warned.push(message) },
    responseHandler: async (response) => {
      told.push(`${response.status} ${Object.keys(await response.json())[0]}`);
      throw new Error("not mine");
    },
  });
  const { data } = await fal.subscribe(ECHO, { input: { text: "a fox" }, mode: "polling" });
  expect(data).toEqual({ echo: { text: "a fox" } });
  expect([told[0], told.at(-1)]).toEqual(["200 status", "200 echo"]);
  await fal.close();
  expect(new Set(warned)).toEqual(new Set(["responseHandler failed"]));
});
