import { createFalClient } from "@fal-ai/client";
import { handleRequest } from "@fal-ai/server-proxy";
import { createFal, type Fal, memoryStore } from "fal-chain";
import { ModelFailure, virtualClock } from "fal-chain/emulator";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { echo, failing, STREAMS, streaming } from "../support/models.ts";
import { collect, ECHO, ENV, failureOf, KEY, SECRET } from "../support/setup.ts";
import { SITE, site } from "./stage.ts";

// The official client in a page works through ours, ours through the official proxy, and whom to bill is known.

beforeEach(() => vi.stubGlobal("window", { document: {} }));
afterEach(() => vi.unstubAllGlobals());

type PageClient = Pick<Fal, "subscribe" | "run" | "stream" | "queue" | "storage">;

const clients: [string, (fetch: typeof globalThis.fetch) => PageClient][] = [
  ["the official client", (fetch) => createFalClient({ proxyUrl: SITE, fetch }) as unknown as PageClient],
  ["this client", (fetch) => createFal({ proxyUrl: SITE, fetch, env: {}, logger: { warn() {} } })],
];
const input = { text: "a fox" };

describe.each(clients)("%s in a page", (_, clientOf) => {
  test("calls, watches and uploads, and each call is in the server's ledger with whom it is for", async () => {
    const store = memoryStore();
    const { pageFetch, fal, emulator, reached } = site({
      uploads: true,
      client: { env: { ...ENV, FAL_JOB_ID: "job-1" }, store },
      authorize: async () => ({ tags: { customer: "acme" } }),
    });
    const client = clientOf(pageFetch);
    const updates: string[] = [];
    for (const mode of ["streaming", "polling"] as const) {
      const onQueueUpdate = ({ status }: { status: string }) => updates.push(status);
      const { data } = await client.subscribe(ECHO, { input, mode, onQueueUpdate, logs: true });
      expect(data).toEqual({ echo: input });
    }
    expect((await client.run(ECHO, { input })).data).toEqual({ echo: input });
    const { request_id: requestId } = await client.queue.submit(ECHO, { input });
    await vi.waitFor(async () => {
      expect((await client.queue.status(ECHO, { requestId })).status).toBe("COMPLETED");
    });
    const url = await client.storage.upload(new File(["a"], "a.txt"));
    expect(await (await emulator.fetch(new Request(url))).text()).toBe("a");
    expect(updates).toContain("COMPLETED");

    // A result that no page asked for is the server's all the same.
    await vi.waitFor(async () => expect(await fal.calls.list({ state: "completed" })).toHaveLength(3));
    const [left] = await fal.calls.list({ requestId });
    await fal.calls.collect(left?.id ?? "");
    await fal.close();
    const calls = await fal.calls.list();
    for (const { state, cost } of calls) {
      expect([state, cost]).toMatchObject([
        "completed",
        { source: "measured", nanoUsd: 10_000_000, units: 1 },
      ]);
    }
    expect(calls.map(({ for: whom }) => whom.tags)).toEqual(
      [1, 2, 3, 4].map(() => ({ job_id: "job-1", customer: "acme" })),
    );
    const paid = reached.filter(({ method, url }) => method === "POST" && url.endsWith(ECHO));
    expect(paid.map(({ headers }) => headers.get("x-fal-tags"))).toEqual(
      [1, 2, 3, 4].map(() => "job_id=job-1,customer=acme"),
    );
    expect(emulator.jobs).toHaveLength(4);
  });

  test("streams what a model gives piece by piece, and leaves it", async () => {
    const no = streaming([], {
      id: "acme/no",
      // biome-ignore lint/correctness/useYield: it fails before its first event
      async *stream() {
        throw new ModelFailure(422, [{ loc: ["body", "n"], msg: "No.", type: "value_error", url: "" }]);
      },
    });
    const { promise: ended, resolve: end } = Promise.withResolvers<unknown>();
    const endless = streaming([], {
      id: "acme/endless",
      async *stream(_, { signal }) {
        yield { n: 1 };
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        end("by whoever left");
        return { output: {}, units: 1 };
      },
    });
    const { pageFetch, fal } = site({
      emulated: { clock: virtualClock(), models: [streaming([{ n: 1 }, "two", { n: 3 }]), no, endless] },
      authorize: () => ({ tags: { customer: "acme" } }),
    });
    const client = clientOf(pageFetch);
    const stream = await client.stream(STREAMS, { input });
    const [{ seen }, last] = await Promise.all([collect(stream), stream.done()]);
    expect([seen, last]).toEqual([[{ n: 1 }, "two", { n: 3 }], { n: 3 }]);
    const refused = await client.stream("acme/no", { input });
    expect(await failureOf(refused.done())).toMatchObject({
      status: 422,
      body: { detail: [{ msg: "No." }] },
    });
    const left = await client.stream("acme/endless", { input });
    left.on("data", () => left.abort());
    expect(await ended).toBe("by whoever left");
    await fal.close();
    const calls = await fal.calls.list({ endpoint: STREAMS, state: "completed" });
    expect(calls.map(({ for: whom }) => whom.tags)).toEqual([{ customer: "acme" }]);
  });

  test("gets the model's own failure, which is noted, and may cancel", async () => {
    const { pageFetch, fal } = site({
      emulated: { timeScale: 1, models: [echo({ seconds: 60 }), { ...failing(), takes: [0, 0] }] },
    });
    const client = clientOf(pageFetch);
    const error = await failureOf(client.subscribe("acme/failing", { input: {} }));
    expect(error).toMatchObject({ status: 422, body: { detail: [{ msg: "No." }] } });
    const { request_id: requestId } = await client.queue.submit(ECHO, { input });
    await client.queue.cancel(ECHO, { requestId });
    await fal.close();
    await vi.waitFor(async () => {
      expect((await fal.calls.list({ state: "failed" })).map(({ endpoint }) => endpoint)).toEqual([
        "acme/failing",
      ]);
    });
  });
});

test("this client works through the official proxy, which never sees the key from it", async () => {
  const { emulator, reached } = site();
  const seen: string[] = [];
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
    const request = new Request(url, init);
    // It passes this on too, which fal does not look at.
    request.headers.delete("x-fal-target-url");
    return emulator.fetch(request);
  });
  const pageFetch = async (url: string, init: RequestInit): Promise<Response> => {
    if (url !== SITE) return emulator.fetch(new Request(url, init));
    const request = new Request(url, init);
    seen.push(JSON.stringify([...request.headers]));
    const headers = new Headers();
    return handleRequest<Response>(
      {
        id: "web",
        method: request.method,
        getRequestBody: () => request.text(),
        getHeaders: () => Object.fromEntries(request.headers),
        getHeader: (name) => request.headers.get(name),
        sendHeader: (name, value) => headers.set(name, value),
        respondWith: (status, data) => Response.json(data, { status }),
        sendResponse: async (answer) => new Response(answer.body, { status: answer.status, headers }),
      },
      {
        resolveFalAuth: async () => `Key ${KEY}`,
        allowedEndpoints: ["acme/**"],
        isAuthenticated: async () => true,
        allowUnauthorizedRequests: false,
      },
    );
  };
  const warned: string[] = [];
  const fal = createFal({
    proxyUrl: { url: SITE, when: "always" },
    env: ENV,
    fetch: pageFetch as typeof fetch,
    logger: { warn: (_, message) => warned.push(message) },
  });
  for (const mode of ["auto", "polling"] as const) {
    expect((await fal.subscribe(ECHO, { input, mode, tags: { customer: "acme" } })).data).toEqual({
      echo: input,
    });
  }
  expect((await fal.run(ECHO, { input })).data).toEqual({ echo: input });
  expect(await fal.storage.upload(new File(["a"], "a.txt"))).toMatch(/a\.txt$/);
  await fal.close();
  expect(emulator.jobs.map(({ tags }) => tags)).toContainEqual({ customer: "acme" });
  expect(`${seen}`).not.toContain(SECRET);
  expect([warned, reached]).toEqual([[], []]);
});
