import { memoryStore } from "fal-chain";
import { createProxy, type ProxyOptions, type ProxyTarget } from "fal-chain/proxy";
import { afterEach, describe, expect, test, vi } from "vitest";
import { allowed } from "../../src/proxy/allow.ts";
import { KEY, SECRET } from "../support/setup.ts";
import { losing, networkError } from "../support/wire.ts";
import { asking, SITE, site, submitting, type Upstream } from "./stage.ts";

// A proxy is closed until it is opened, goes to fal only, and shows nobody its key.

afterEach(() => vi.unstubAllEnvs());

const QUEUE = "https://queue.fal.run";
const STATUS = `${QUEUE}/acme/echo/requests/r1/status`;
const detailOf = async (response: Response) => [
  response.status,
  ((await response.json()) as { detail: string }).detail,
];

describe("who may use it", () => {
  test.each<[ProxyOptions, string, RegExp]>([
    [{ allow: [] }, "test", /passes nothing on.*createProxy\(\{ allow/],
    [{ authorize: undefined as never }, "production", /set createProxy\(\{ authorize \}\)/],
    [{ authorize: undefined as never }, "", /set createProxy\(\{ authorize \}\)/],
  ])("nobody, with %o and in stage %j, and it says what to set", async (options, stage, message) => {
    vi.stubEnv("NODE_ENV", stage);
    const { proxy, reached } = site(options);
    expect(await detailOf(await proxy(submitting()))).toEqual([403, expect.stringMatching(message)]);
    expect(reached).toEqual([]);
  });

  test("everybody, on a developer's own machine", async () => {
    vi.stubEnv("NODE_ENV", "development");
    expect((await site({ authorize: undefined as never }).proxy(submitting())).status).toBe(200);
  });

  test.each([
    [true, 200],
    [{ tags: { customer: "acme" } }, 200],
    [{}, 200],
    [new Response("slow down", { status: 429 }), 429],
    [false, 401],
    [undefined, 401],
    [null, 401],
    ["yes", 401],
    [[], 401],
    [{ ok: false }, 401],
    [new (class Response {})(), 401],
    [{ tags: { job_id: "forged" } }, 503],
  ])("authorize gives %o: %i", async (said, status) => {
    const { proxy, reached } = site({ authorize: async () => said as never });
    expect((await proxy(submitting())).status).toBe(status);
    expect(reached.length > 0).toBe(status === 200);
  });

  test("authorize that throws lets nobody through, and the server hears of it", async () => {
    const { proxy, reached, troubles } = site({ authorize: () => Promise.reject(new Error("no sessions")) });
    const answer = await proxy(submitting());
    // As fal says it of what it did not take: whoever sent it may send it again.
    expect([answer.status, answer.headers.get("x-fal-error-type")]).toEqual([503, "runner_connection_error"]);
    expect([String(troubles), reached.length]).toEqual(["Error: no sessions", 0]);
    expect(await answer.text()).not.toContain("sessions");
  });

  test("authorize is told what is asked for, and by whom", async () => {
    const asked: [string | null, ProxyTarget][] = [];
    const { proxy } = site({
      allow: ["acme/**"],
      uploads: true,
      authorize: (request, target) => {
        asked.push([request.headers.get("cookie"), target]);
        return false;
      },
    });
    const cookie = "session=1";
    await proxy(submitting("{}", { cookie }));
    await proxy(asking("https://fal.run/acme/echo/fast", { method: "POST", headers: { cookie } }));
    await proxy(asking("https://fal.run/acme/echo/stream", { method: "POST" }));
    for (const end of ["", "/response", "/status", "/status/stream?logs=1"]) {
      await proxy(asking(`${QUEUE}/acme/echo/requests/r1${end}`));
    }
    await proxy(asking(`${QUEUE}/acme/echo/fast/requests/r1/cancel`, { method: "PUT" }));
    for (const end of ["initiate", "initiate-multipart"]) {
      await proxy(asking(`https://rest.fal.ai/storage/upload/${end}?storage_type=x`, { method: "POST" }));
    }
    const about = (operation: string, endpoint?: string, requestId?: string) => ({
      operation,
      endpoint,
      requestId,
    });
    expect(asked).toEqual([
      [cookie, about("submit", "acme/echo")],
      [cookie, about("run", "acme/echo/fast")],
      [null, about("stream", "acme/echo")],
      [null, about("result", "acme/echo", "r1")],
      [null, about("result", "acme/echo", "r1")],
      [null, about("status", "acme/echo", "r1")],
      [null, about("status", "acme/echo", "r1")],
      [null, about("cancel", "acme/echo", "r1")],
      [null, about("upload")],
      [null, about("upload")],
    ]);
  });
});

describe("where it goes", () => {
  test.each([
    ["POST", undefined],
    ["POST", ""],
    ["POST", "not a url"],
    ["POST", "//queue.fal.run/acme/echo"],
    ["POST", "http://queue.fal.run/acme/echo"],
    ["POST", "https://queue.fal.run:8443/acme/echo"],
    ["POST", "https://queue.fal.run@evil.test/acme/echo"],
    ["POST", "https://user@queue.fal.run/acme/echo"],
    ["POST", "https://:pass@queue.fal.run/acme/echo"],
    ["POST", "https://queue.fal.run/acme/echo/fast"],
    ["POST", "https://queue.fal.run.evil.test/acme/echo"],
    ["POST", "https://evil.test/https://queue.fal.run/acme/echo"],
    ["POST", "https://notfal.run/acme/echo"],
    ["POST", "https://127.0.0.1/acme/echo"],
    ["POST", "https://169.254.169.254/latest/meta-data"],
    ["POST", "file:///etc/passwd"],
    ["POST", "https://queue.fal.run/acme/echo#fragment"],
    ["GET", "https://api.fal.ai/v1/models/usage"],
    ["POST", "https://rest.fal.ai/tokens/"],
    ["POST", "https://rest.fal.ai/storage/upload/initiate"],
    ["POST", "https://queue.fal.run/other/model"],
    ["POST", "https://queue.fal.run/acme/../other/model"],
    ["POST", "https://queue.fal.run/acme/%2e%2e/other/model"],
    ["POST", "https://queue.fal.run/acme%2fecho"],
    ["POST", "https://queue.fal.run/acme/echo?fal_webhook=https://evil.test"],
    ["POST", "https://queue.fal.run/acme/echo/requests/r1"],
    ["POST", "https://queue.fal.run/acme/echo/requests/r1/cancel"],
    ["DELETE", "https://queue.fal.run/acme/echo/requests/r1"],
    ["GET", "https://queue.fal.run/acme/echo"],
    ["GET", "https://queue.fal.run/other/model/requests/r1"],
    ["GET", "https://queue.fal.run/acme/echo/requests/%2e%2e/status"],
    ["GET", "https://queue.fal.run/acme/echo/requests/r1/status?logs=1&x=2"],
    ["GET", "https://fal.run/acme/echo"],
    ["OPTIONS", "https://queue.fal.run/acme/echo"],
  ])("not to %s %s", async (method, target) => {
    const { proxy, reached } = site();
    const headers = target === undefined ? {} : { "x-fal-target-url": target };
    const init = { method, headers, ...(method === "POST" && { body: "{}" }) };
    const answer = await proxy(new Request("https://site.test/api/fal/proxy", init));
    expect([400, 403]).toContain(answer.status);
    expect(reached).toEqual([]);
  });

  test("to the hosts of the server's own client, whichever of fal's names the page uses", async () => {
    const env = { FAL_KEY: KEY, FAL_HOST: "127.0.0.1:8787" };
    const { proxy, reached } = site({ client: { env } });
    for (const target of [
      STATUS,
      STATUS.replace("queue.fal.run", "queue.falrun.com"),
      "http://127.0.0.1:8787/queue/acme/echo/requests/r1/status",
    ]) {
      await proxy(asking(`${target}?logs=1`));
    }
    const asked = "http://127.0.0.1:8787/queue/acme/echo/requests/r1/status?logs=1";
    expect(reached.map(({ url }) => url)).toEqual([asked, asked, asked]);
  });

  test.each([
    ["acme/echo", "acme/echo", true],
    ["acme/echo", "acme/echo/fast", false],
    ["acme/*", "acme/echo", true],
    ["acme/*", "acme/echo/fast", false],
    ["acme/*", "acme.evil/echo", false],
    ["acme/echo-*/fast", "acme/echo-2/fast", true],
    ["acme/**", "acme/echo/fast", true],
    ["acme/**/fast", "acme/echo/fast", true],
    ["acme/**/fast", "acme/echo", false],
    ["**", "any/thing", true],
    ["a.b/c", "axb/c", false],
  ])("%s allows %s: %s", (pattern, endpoint, is) => {
    expect(allowed([pattern]).endpoint(endpoint)).toBe(is);
    // What may be submitted may be asked for.
    if (is) expect(allowed([pattern]).app(endpoint.split("/").slice(0, 2).join("/"))).toBe(true);
  });

  test.each([
    ["acme/*a*a*a*a*a*a*b", `acme/${"a".repeat(5_000)}`],
    ["acme/**/a/**/a/**/a/**/a/**/a/**/b", `acme/${"a/".repeat(1_000)}c`],
  ])("an endpoint of a stranger's takes no time to be held against %s", (pattern, endpoint) => {
    const begun = performance.now();
    expect(allowed([pattern]).endpoint(endpoint)).toBe(false);
    expect(performance.now() - begun).toBeLessThan(1_000);
  });

  test("to a part of an app, and to the requests of that app", async () => {
    const { proxy } = site({ allow: ["acme/echo/fast"] });
    const paths = ["acme/echo/fast", "acme/echo", "acme/echo/slow"];
    const answers = paths.map((path) => proxy(asking(`${QUEUE}/${path}`, { method: "POST", body: "{}" })));
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses.map((status) => status === 403)).toEqual([false, true, true]);
    expect((await proxy(asking(STATUS))).status).not.toBe(403);
  });

  test.each([["https://fal.run/a"], [""], ["acme//echo"], [5 as never]])(
    "%o cannot be allowed",
    (pattern) => {
      expect(() => createProxy({ allow: [pattern] })).toThrow(/in allow is not an endpoint/);
    },
  );
});

describe("what it passes on", () => {
  const answering =
    (answer: () => Response): Upstream =>
    () =>
      answer();

  test("of the request, what fal is to know, and nothing of the page's own", async () => {
    const { proxy, reached } = site({
      pageTags: ["feature"],
      authorize: () => ({ tags: { customer: "acme" } }),
    });
    const strange = {
      cookie: "session=1",
      authorization: "Bearer page",
      origin: "https://site.test",
      "x-forwarded-for": "10.0.0.1",
      "x-fal-user-id": "somebody",
      "x-fal-tags": "customer=other,feature=poster,job_id=forged,plan=free",
      "x-fal-queue-priority": "low",
    };
    await proxy(submitting('{"n":1}', strange));
    await proxy(asking(STATUS, { headers: strange }));
    const [submit, status] = reached.map(({ headers }) => Object.fromEntries(headers));
    expect(submit).toMatchObject({
      authorization: `Key ${KEY}`,
      "x-fal-tags": "feature=poster,customer=acme",
      "x-fal-queue-priority": "low",
    });
    expect(Object.keys(status ?? {}).sort()).toEqual(["accept", "authorization"]);
    expect(reached.map(({ redirect }) => redirect)).toEqual(["manual", "manual"]);
    expect(JSON.stringify([submit, status])).not.toMatch(/session|Bearer|10\.0|somebody|site\.test|target/);
  });

  test("of the answer, no cookies, nothing of the connection, no tokens, and no key", async () => {
    const headers = {
      "set-cookie": "a=b",
      "content-encoding": "identity",
      "transfer-encoding": "chunked",
      "access-control-allow-origin": "*",
      "x-fal-cdn-token": "t0ken",
      "x-fal-request-id": "r1",
      "x-fal-echo": KEY,
      "retry-after": "3",
      "content-type": "application/json",
    };
    const body = () => ({ request_id: "r1", quoted: `Key ${KEY}`, encoded: btoa(`Key ${KEY}`) });
    for (const status of [200, 202, 404, 422, 500]) {
      const { proxy } = site({ upstream: answering(() => Response.json(body(), { status, headers })) });
      const answer = await proxy(asking(STATUS));
      expect(answer.status).toBe(status);
      expect(Object.keys(Object.fromEntries(answer.headers)).sort()).toEqual([
        ...["cache-control", "content-type", "retry-after", "x-fal-echo", "x-fal-request-id"],
      ]);
      const text = JSON.stringify([...answer.headers]) + (await answer.text());
      expect(text).not.toContain(SECRET);
      if (status >= 400) expect(text).not.toContain(btoa(`Key ${KEY}`));
    }
  });

  test.each([
    ["a key that fal refuses", () => Response.json({ detail: "invalid key credentials" }, { status: 401 })],
    [
      "an account that is locked",
      () => Response.json({ detail: "User is locked. Reason: Exhausted balance" }, { status: 403 }),
    ],
    ["a redirect", () => Response.redirect("https://evil.test/", 302)],
    [
      "an answer that is too long",
      () => new Response("12345678901", { headers: { "content-length": "11" } }),
    ],
  ])("%s stays between the server and fal", async (_, answer) => {
    for (const request of [asking(STATUS), submitting()]) {
      const { proxy, emulator } = site({
        upstream: answering(answer),
        maxReplyBytes: 10,
        client: { ambiguousSubmit: "throw", maxReplyBytes: 10, env: { FAL_KEY: KEY } },
      });
      const given = await proxy(request);
      expect(given.status).toBeGreaterThanOrEqual(500);
      expect(await given.text()).not.toMatch(/credentials|balance|evil/);
      expect(emulator.jobs).toEqual([]);
    }
  });

  test("a stream event by event, without the key wherever it is cut", async () => {
    const feed = new TransformStream<Uint8Array, Uint8Array>();
    const writer = feed.writable.getWriter();
    const say = (text: string) => void writer.write(new TextEncoder().encode(text));
    const { proxy } = site({
      upstream: answering(
        () => new Response(feed.readable, { headers: { "content-type": "text/event-stream" } }),
      ),
    });
    const answer = await proxy(asking(`${STATUS}/stream`));
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    const read = async () => (await reader?.read())?.value;
    say("data: 1\n\n");
    expect(await read()).toBe("data: 1\n\n");
    for (const at of [1, 5, SECRET.length - 1]) {
      say(`<${SECRET.slice(0, at)}`);
      expect(await read()).toBe("<");
      say(`${SECRET.slice(at)}>`);
      expect(`${await read()}${await read()}`).toBe("…>");
    }
    say(`s${SECRET.slice(0, 3)}x`);
    expect(await read()).toBe(`s${SECRET.slice(0, 3)}x`);
    say(SECRET.slice(0, 2));
    void writer.close();
    expect([await read(), await read()]).toEqual([SECRET.slice(0, 2), undefined]);
  });

  test("a page that leaves ends a direct call at fal, and not a request in the queue", async () => {
    for (const [target, isEnded] of [
      ["https://fal.run/acme/echo", true],
      [`${QUEUE}/acme/echo`, false],
    ] as const) {
      const { promise: sent, resolve } = Promise.withResolvers<AbortSignal>();
      const page = new AbortController();
      const { proxy, fal, troubles } = site({
        emulated: { timeScale: 0.001 },
        upstream: (request, forward) => {
          if (request.url === target) resolve(request.signal);
          return forward();
        },
      });
      const answer = proxy(asking(target, { method: "POST", body: "{}", signal: page.signal }));
      const { aborted } = await sent.then((signal) => {
        page.abort();
        return answer.then(() => signal);
      });
      expect(aborted).toBe(isEnded);
      expect(troubles).toEqual([]);
      await fal.close();
    }
  });

  test("a page that leaves ends the stream at fal", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const body = new ReadableStream({ cancel: () => resolve() });
    let signal: AbortSignal | undefined;
    const { proxy } = site({
      upstream: (request) => {
        signal = request.signal;
        return new Response(body, { headers: { "content-type": "text/event-stream" } });
      },
    });
    const answer = await proxy(asking(`${STATUS}/stream`));
    const reading = answer.body?.getReader();
    void reading?.read();
    await reading?.cancel();
    await promise;
    expect(signal?.aborted).toBe(true);
  });
});

describe("what goes wrong", () => {
  const limits = { maxRequestBytes: 20 };

  test.each([
    ["an input that is too long", submitting(JSON.stringify({ text: "x".repeat(30) })), 413],
    ["one that is no JSON", submitting("secret prompt"), 400],
    ["one that is no object", submitting("[1]"), 400],
  ])("%s is refused", async (_, request, status) => {
    const { proxy, reached } = site(limits);
    const answer = await proxy(request);
    expect(answer.status).toBe(status);
    expect(await answer.text()).not.toContain("secret prompt");
    expect(reached).toEqual([]);
  });

  test("a lost answer is looked up by the server, and what stays in doubt is not sent again by a page", async () => {
    const store = memoryStore();
    const found = site({ upstream: losing("submit", 1), client: { store } });
    const answer = await found.proxy(submitting());
    expect(answer.status).toBe(200);
    expect(found.emulator.jobs).toHaveLength(1);
    const lost = site({ upstream: losing("submit", 1), client: { ambiguousSubmit: "throw" } });
    expect((await lost.proxy(submitting())).status).toBe(500);
    expect(lost.emulator.jobs).toHaveLength(1);
  });

  test.each([
    ["submit", submitting(), 503],
    ["run", asking("https://fal.run/acme/echo", { method: "POST", body: "{}" }), 429],
    ["status", asking(STATUS), 502],
  ])("fal cannot be reached for a %s", async (_, request, status) => {
    const { proxy } = site({
      upstream: () => {
        throw networkError("ECONNREFUSED");
      },
      client: { retry: { maxRetries: 0 } },
    });
    expect((await proxy(request)).status).toBe(status);
  });

  test("a budget is held, and a page is not told what it is", async () => {
    const { proxy, emulator } = site({
      authorize: () => ({ tags: { customer: "acme" } }),
      client: { budgets: [{ tag: "customer", usd: 0.01, per: "day" }] },
    });
    expect((await proxy(submitting())).status).toBe(200);
    const over = await proxy(submitting());
    expect(await detailOf(over)).toEqual([402, expect.not.stringContaining("0.01")]);
    expect(emulator.jobs).toHaveLength(1);
  });

  test("a server without a key says so to itself", async () => {
    const { proxy, troubles } = site({ client: { env: {} } });
    for (const request of [submitting(), asking(STATUS)]) {
      expect(await (await proxy(request)).text()).not.toContain("FAL_KEY");
    }
    expect(troubles.map(String)).toEqual([
      expect.stringContaining("FAL_KEY"),
      expect.stringContaining("FAL_KEY"),
    ]);
  });

  test("a read that fal does not answer is given up, and so is a stream that never ends", async () => {
    const silent = site({ upstream: () => new Promise(() => {}), timeout: 20 });
    expect((await silent.proxy(asking(STATUS))).status).toBe(504);
    const slow = new Request(SITE, {
      method: "POST",
      headers: submitting().headers,
      body: new ReadableStream(),
      duplex: "half",
    } as RequestInit);
    expect((await silent.proxy(slow)).status).toBe(408);
    const endless = site({ upstream: () => new Response(new ReadableStream()), streamTimeout: 20 });
    const answer = await endless.proxy(asking(`${STATUS}/stream`));
    await expect(answer.text()).rejects.toThrow(/no answer within 20 ms/);
  });
});
