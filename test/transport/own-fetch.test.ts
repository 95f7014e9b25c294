import { createFal, type FalOptions } from "fal-chain";
import { describe, expect, test, vi } from "vitest";
import { ECHO, ENV, failureOf, KEY, SECRET, setup } from "../support/setup.ts";
import { kindOf, networkError } from "../support/wire.ts";

// A fetch that is passed in is called as the official client calls it, and what it throws by itself is no network's failure.

type Fetch = typeof globalThis.fetch;
type Settings = RequestInit & { headers: Record<string, string> };

/** A client whose fetch is wrapped, and what the inner one was called with. */
function wrapped(
  wrap: (inner: Fetch) => (url: string, init: Settings) => Promise<Response>,
  more: FalOptions = {},
) {
  const { emulator, clock } = setup();
  const sent: Request[] = [];
  const inner: Fetch = async (...args) => {
    const request = new Request(...args);
    sent.push(request.clone());
    return emulator.fetch(request);
  };
  const fetch = wrap(inner) as Fetch;
  const fal = createFal({ env: ENV, clock, random: () => 0.5, fetch, ...more });
  const kinds = () => sent.map((request) => kindOf(request));
  return { fal, emulator, clock, sent, kinds };
}

const echoes = { echo: { text: "a fox" } };
const call = (fal: ReturnType<typeof createFal>) => fal.subscribe(ECHO, { input: { text: "a fox" } });

describe("the usual wrappers work", () => {
  const logged: string[] = [];
  test.each<[string, (inner: Fetch) => (url: string, init: Settings) => Promise<Response>]>([
    ["reads the address as a text", (inner) => (url, init) => inner(url.replace(/\/+$/, ""), init)],
    [
      "adds a header",
      (inner) => (url, init) => inner(url, { ...init, headers: { ...init.headers, "X-Trace": "1" } }),
    ],
    [
      "reads the key",
      (inner) => (url, init) => {
        const isFile = kindOf({ method: "", url }) === "other";
        if (!isFile) expect(init.headers["Authorization"]).toBe(`Key ${KEY}`);
        expect(init.headers["Accept"]).toMatch(/json|event-stream/);
        if (init.method === "POST") expect(init.headers["Content-Type"]).toBe("application/json");
        return inner(url, init);
      },
    ],
    [
      "reads the method",
      (inner) => (url, init) => {
        expect(["GET", "POST", "PUT"]).toContain(init.method?.toUpperCase());
        return inner(url, init);
      },
    ],
    [
      "reads the body",
      (inner) => (url, init) => {
        if (init.body && url.endsWith("/acme/echo"))
          expect(JSON.parse(init.body as string)).toEqual({ text: "a fox" });
        return inner(url, init);
      },
    ],
    ["adds a dispatcher", (inner) => (url, init) => inner(url, { ...init, dispatcher: {} } as RequestInit)],
    [
      "logs",
      (inner) => async (url, init) => {
        logged.push(`${init.method} ${url}`);
        const response = await inner(url, init);
        logged.push(`${response.status}`);
        return response;
      },
    ],
    [
      "goes through a proxy",
      (inner) => (url, init) => {
        const there = new URL(`https://proxy.example/?to=${encodeURIComponent(url)}`);
        return inner(there.searchParams.get("to") ?? "", init);
      },
    ],
    ["makes a Request", (inner) => (url, init) => inner(new Request(url, init))],
    [
      "imitates a Response, as those that have no streams do",
      (inner) => async (url, init) => {
        const response = await inner(url, init);
        const { status, ok, headers } = response;
        if (headers.get("content-type")?.includes("event-stream")) return response;
        return { status, ok, headers, text: () => response.text() } as Response;
      },
    ],
    [
      "gives up after a while",
      (inner) => (url, init) =>
        inner(url, {
          ...init,
          signal: init.signal
            ? AbortSignal.any([init.signal, AbortSignal.timeout(60_000)])
            : AbortSignal.timeout(60_000),
        }),
    ],
  ])("one that %s", async (_, wrap) => {
    const { fal, emulator, kinds } = wrapped(wrap);
    const { data } = await call(fal);
    expect(data).toEqual(echoes);
    const file = await fal.storage.upload(new Blob(["a"], { type: "text/plain" }));
    expect(file).toMatch(/^https:/);
    await fal.close();
    expect(emulator.jobs).toHaveLength(1);
    expect(new Set(kinds())).toEqual(new Set(["submit", "stream", "result", "other"]));
  });

  test("every request is an address and plain settings, and none may be answered from a cache", async () => {
    const seen: { url: unknown; init: Settings | undefined }[] = [];
    const { fal } = wrapped((inner) => (url, init) => {
      seen.push({ url, init });
      return inner(url, init);
    });
    const { requestId } = await call(fal);
    await fal.queue.status(ECHO, { requestId });
    await fal.queue.cancel(ECHO, { requestId }).catch(() => {});
    await fal.storage.upload(new Blob(["a"]));
    await fal.price("fal-ai/esrgan");
    await fal.close();
    expect(seen.length).toBeGreaterThan(7);
    for (const { url, init } of seen) {
      expect(typeof url).toBe("string");
      expect(init?.cache).toBe("no-store");
      expect(Object.getPrototypeOf(init?.headers)).toBe(Object.prototype);
      expect(Object.values(init?.headers ?? {}).every((value) => typeof value === "string")).toBe(true);
    }
  });
});

test("a runtime that does not know the cache setting is not given it", async () => {
  vi.resetModules();
  const { exchange } = await import("../../src/transport/exchange.ts");
  class OldRequest extends Request {
    constructor(input: RequestInfo | URL, init?: RequestInit) {
      if (init?.cache) throw new Error("The 'cache' field on 'RequestInitializerDict' is not implemented.");
      super(input, init);
    }
  }
  vi.stubGlobal("Request", OldRequest);
  try {
    const inits: (RequestInit | undefined)[] = [];
    const fetch: Fetch = async (_, init) => {
      inits.push(init);
      return new Response("{}");
    };
    const route = async () => ({ url: request.url, headers: {}, takesKey: false });
    const options = { key: () => expect.fail("keyless"), route, trusted: () => new Set<string>(), fetch };
    const request = {
      operation: "upload",
      method: "GET",
      url: "https://files.example/a",
      keyless: "file",
    } as const;
    const { response } = await exchange(options, request, "application/json");
    expect(response.status).toBe(200);
    expect(inits).toHaveLength(1);
    expect(inits[0] && "cache" in inits[0]).toBe(false);
  } finally {
    vi.unstubAllGlobals();
    vi.resetModules();
  }
});

class PolicyError extends Error {
  override readonly name = "PolicyError";
}

describe("what a fetch throws before it has looked at the body is a refusal", () => {
  test.each<[string, () => Error]>([
    ["an error of its own", () => new PolicyError("fal is not allowed here")],
    ["a plain error", () => new Error("no network in tests")],
    ["a TypeError", () => new TypeError("Cannot read properties of undefined (reading 'id')")],
    ["a ReferenceError", () => new ReferenceError("tracer is not defined")],
    ["an error with a code", () => Object.assign(new Error("blocked"), { code: "BLOCKED" })],
  ])("%s", async (_, make) => {
    let calls = 0;
    const { fal, clock, emulator } = wrapped(() => async () => {
      calls += 1;
      throw make();
    });
    const before = clock.now();
    const error = await failureOf(call(fal));
    expect(error).toMatchObject({ name: "FetchError", code: "fetch", billed: false, retryable: false });
    expect(String(error)).toContain("Nothing was sent");
    expect(String((error as Error).cause)).toBe(String(make()));
    expect([calls, clock.now() - before, emulator.jobs.length]).toEqual([1, 0, 0]);
    expect((await fal.calls.list())[0]).toMatchObject({ state: "failed", error: { billed: false } });
  });

  test("also where it throws at once, or adds its header to one that is not there", async () => {
    const wrap = () => (url: string, init: Settings) => {
      (init.headers as unknown as Headers).set("x-trace", url);
      return Promise.reject(new Error("not reached"));
    };
    const { fal } = wrapped(wrap);
    expect(await failureOf(call(fal))).toMatchObject({ code: "fetch", billed: false });
  });

  test("one that has sent it all the same leaves the submit in doubt, and it is looked up", async () => {
    const { fal, emulator } = wrapped((inner) => async (url, init) => {
      const response = await inner(url, init);
      if (init.method === "POST") throw new TypeError("Cannot read properties of undefined (reading 'id')");
      return response;
    });
    expect((await call(fal)).data).toEqual(echoes);
    expect(emulator.jobs).toHaveLength(1);
  });

  test("one that has looked at the body may have sent it", async () => {
    const { fal, emulator } = wrapped(
      () => async (_, init) => {
        JSON.parse(init.body as string);
        throw new PolicyError("not that one");
      },
      { ambiguousSubmit: "throw" },
    );
    expect(await failureOf(call(fal))).toMatchObject({
      code: "ambiguous_submit",
      why: "PolicyError: not that one",
    });
    expect(emulator.jobs).toEqual([]);
  });

  test("a network that fails is one, whoever words it", async () => {
    for (const error of [
      networkError("ECONNREFUSED"),
      Object.assign(new Error("Unable to connect. Is the computer able to access the url?"), {
        code: "ConnectionRefused",
      }),
      new Error("Network connection lost."),
      new TypeError("error sending request for url (https://queue.fal.run/)"),
      new TypeError("Load failed"),
      new DOMException("The operation timed out.", "TimeoutError"),
      new PolicyError("wrapped", { cause: networkError("ECONNRESET") }),
    ]) {
      let calls = 0;
      const { fal } = wrapped((inner) => async (url, init) => {
        if (kindOf({ method: init.method ?? "", url }) !== "result") return inner(url, init);
        calls += 1;
        if (calls < 3) throw error;
        return inner(url, init);
      });
      expect((await call(fal)).data).toEqual(echoes);
      expect(calls).toBe(3);
    }
  });
});

describe("a read that a fetch threw on purpose is not repeated", () => {
  test.each(["status", "result"] as const)("%s", async (kind) => {
    let calls = 0;
    let isOpen = false;
    const { fal, emulator } = wrapped((inner) => async (url, init) => {
      if (isOpen || kindOf({ method: init.method ?? "", url }) !== kind) return inner(url, init);
      calls += 1;
      throw new PolicyError(`no ${init.headers["Authorization"]}`);
    });
    const error = await failureOf(fal.subscribe(ECHO, { input: { text: "a fox" }, mode: "polling" }));
    expect(error).toMatchObject({ code: "fetch", billed: "unknown" });
    expect(`${error} ${(error as Error).cause} ${((error as Error).cause as Error).stack}`).not.toContain(
      SECRET,
    );
    expect(calls).toBe(1);
    const [record] = await fal.calls.list();
    expect(record).toMatchObject({ state: "given-up", givenUp: "unread" });
    isOpen = true;
    expect((await fal.calls.collect(record?.id ?? "")).data).toEqual(echoes);
    expect(emulator.jobs).toHaveLength(1);
  });

  test("one that gives no Response is told so", async () => {
    const { fal } = wrapped(() => async () => undefined as unknown as Response);
    const error = await failureOf(fal.queue.status(ECHO, { requestId: "r1" }));
    expect(String(error)).toContain("it gave no Response");
  });
});
