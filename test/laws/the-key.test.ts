import { readdirSync, readFileSync } from "node:fs";
import { trace } from "@opentelemetry/api";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { type ApiError, createFal, type FalOptions, secrets } from "fal-chain";
import { sqliteStore } from "fal-chain/sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod";
import { printed } from "../support/printed.ts";
import { collect, ECHO, failureOf, KEY, SECRET, setup } from "../support/setup.ts";
import { tempDir } from "../support/temp.ts";
import { instead, json, kindOf, networkError, type Wire } from "../support/wire.ts";

// Law 5: the key reaches no origin that was not derived from the environment, and shows nowhere.

const STRANGERS = [
  "https://evilfal.run",
  "https://queue.fal.run.evil.test",
  "https://queue.fal.run@evil.test",
  "https://user:pass@queue.fal.run",
  "https://queue.fal.run:8443",
  "http://queue.fal.run",
  "https://fal.media",
  "https://QUEUE.FAL.RUN.",
  "//evil.test",
];

const keyless = ({ sent }: ReturnType<typeof setup>) =>
  sent.filter(({ url }) => !["https://queue.fal.run", "https://api.fal.ai"].includes(new URL(url).origin));

/** Rewrites the links that a submit's answer holds. */
const misdirecting =
  (origin: string): Wire =>
  async (request, forward) => {
    const reply = await forward();
    if (kindOf(request) !== "submit") return reply;
    const body = (await reply.json()) as Record<string, unknown>;
    for (const link of ["status_url", "response_url", "cancel_url"]) {
      body[link] = String(body[link]).replace("https://queue.fal.run", origin);
    }
    return json(body);
  };

describe.each(STRANGERS)("links to %s", (origin) => {
  test("are not followed but made anew", async () => {
    const world = setup({ wire: misdirecting(origin) });
    const { data } = await world.fal.subscribe(ECHO, { input: { prompt: "a fox" }, mode: "polling" });
    expect(data).toEqual({ echo: { prompt: "a fox" } });
    expect(keyless(world)).toEqual([]);
    const controller = new AbortController();
    const call = world.fal.subscribe(ECHO, { input: { prompt: "a fox" }, abortSignal: controller.signal });
    await call.submitted;
    await expect(call.cancel()).resolves.toBe("requested");
    await failureOf(call);
    expect(keyless(world)).toEqual([]);
  });

  test("do not become a redirect's target", async () => {
    const redirect = () => new Response(null, { status: 302, headers: { location: `${origin}/x` } });
    const world = setup({ wire: instead("status", redirect), retry: { maxRetries: 1 } });
    await expect(
      world.fal.subscribe(ECHO, { input: { prompt: "a fox" }, mode: "polling" }),
    ).rejects.toMatchObject({
      status: 302,
    });
    expect(keyless(world)).toEqual([]);
  });
});

test("links on an origin of ours are followed", async () => {
  const wire: Wire = (request, forward) =>
    new URL(request.url).host === "rest.fal.ai" ? json({ status: "COMPLETED", logs: null }) : forward();
  const misdirected = misdirecting("https://rest.fal.ai");
  const { fal, sent } = setup({
    wire: async (request, forward) => {
      if (kindOf(request) === "submit") return misdirected(request, forward);
      if (kindOf(request) === "result") return json({ images: [] });
      return wire(request, forward);
    },
  });
  await fal.subscribe(ECHO, { input: { prompt: "a fox" }, mode: "polling" });
  const last = sent.findLast(({ kind }) => kind === "result");
  expect(last?.url).toMatch(/^https:\/\/rest\.fal\.ai\//);
  expect(last?.authorization).toBe(`Key ${KEY}`);
});

test("a read follows a redirect within our origins, with the key", async () => {
  const { fal, sent } = setup({
    wire: instead("status", () => new Response(null, { status: 307, headers: { location: "/moved" } }), 1),
  });
  const { request_id } = await fal.queue.submit(ECHO, { input: { prompt: "a fox" } });
  await failureOf(fal.queue.status(ECHO, { requestId: request_id }));
  expect(sent.at(-1)).toMatchObject({ url: "https://queue.fal.run/moved", authorization: `Key ${KEY}` });
});

test("a submit follows no redirect, not even to an origin of ours", async () => {
  const { fal, sent } = setup({
    wire: instead("submit", () => Response.redirect("https://queue.fal.run/elsewhere", 307)),
  });
  await expect(fal.queue.submit(ECHO, { input: { prompt: "a fox" } })).rejects.toMatchObject({
    code: "ambiguous_submit",
  });
  expect(sent.filter(({ method }) => method === "POST")).toHaveLength(1);
});

test.each(["https://evil.test/fal-ai/flux", "fal-ai/../../evil", "a/b?x=1", "a/b#c", "a/b@c"])(
  "%s is no endpoint id, and nothing is sent",
  async (id) => {
    const { fal, sent } = setup();
    await expect(fal.subscribe(id, { input: {} })).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(fal.queue.status(id, { requestId: "r" })).rejects.toMatchObject({
      code: "invalid_argument",
    });
    expect(sent).toEqual([]);
  },
);

test.each(["../../other", "a/b", "", "..", "x?y", "x#y"])("%j is no request id", async (requestId) => {
  const { fal, sent } = setup();
  for (const ask of [fal.queue.status, fal.queue.result, fal.queue.cancel]) {
    await expect(ask(ECHO, { requestId })).rejects.toMatchObject({ code: "invalid_argument" });
  }
  expect(sent).toEqual([]);
});

describe("whatever goes wrong", () => {
  let exporter: InMemorySpanExporter;

  beforeEach(() => {
    exporter = new InMemorySpanExporter();
    const spanProcessors = [new SimpleSpanProcessor(exporter)];
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
  });
  afterEach(() => trace.disable());

  const no = (status: number) => () => json({ detail: "no" }, { status });
  const WRONG: Record<string, FalOptions & { wire?: Wire; env?: Record<string, string> }> = {
    "an ambiguous submit": { wire: instead("submit", () => networkError("ECONNRESET")) },
    "a refused connection": { wire: instead("submit", () => networkError("ECONNREFUSED")) },
    "a fetch whose error holds the request": {
      wire: (request) => {
        throw Object.assign(new TypeError("fetch failed"), { request, headers: [...request.headers] });
      },
    },
    "a wrong key": { wire: instead("submit", no(401)) },
    "a server that quotes what it was sent": {
      wire: instead("submit", () => json({ detail: `invalid key ${KEY}`, got: SECRET }, { status: 401 })),
    },
    "a proxy that quotes what it was sent": {
      wire: instead("submit", () => new Response(`<pre>Authorization: Key ${KEY}</pre>`, { status: 400 })),
    },
    "a 422": { wire: instead("submit", no(422)) },
    "an unreadable status": { wire: instead("status", () => new Response("<html>")) },
    "a status that cannot be had": { wire: instead("status", () => networkError("ECONNRESET")) },
    "a key with white space": { env: { FAL_KEY: `${KEY} x` } },
    "a key in quotation marks": { env: { FAL_KEY: `"${KEY}"` } },
    "a key with a scheme": { env: { FAL_KEY: `Key ${KEY}` } },
    "a key of three parts": { env: { FAL_KEY: `${KEY}:more` } },
    "half a key": { env: { FAL_KEY_SECRET: SECRET } },
    "a bad host": { env: { FAL_KEY: KEY, FAL_HOST: "ftp://api.fal.ai" } },
    "a timeout": { wire: instead("submit", () => networkError("ECONNREFUSED")), retry: { baseDelay: 1e6 } },
  };

  test.each(Object.entries(WRONG))(
    "with %s the key shows in no error, event, log line or span",
    async (_, wrong) => {
      const logged: unknown[] = [];
      const log = (...said: unknown[]) => void logged.push(said);
      const world = setup({
        retry: { maxRetries: 1 },
        logger: { debug: log, info: log, warn: log, error: log },
        logPayloads: true,
        ...wrong,
      });
      const input = { prompt: `a fox, and ${KEY}` };
      const call = world.fal.subscribe(ECHO, { input, mode: "polling", timeout: 1e5 });
      const { seen, error } = await collect(call);
      expect(error).toBeInstanceOf(Error);
      await world.fal.close();
      const spans = exporter
        .getFinishedSpans()
        .map(({ name, attributes, events, status }) => ({ name, attributes, events, status }));
      expect(logged).not.toEqual([]);
      expect(spans).toHaveLength(1);
      const said = [error, seen, logged, spans, await failureOf(call), call].map(printed).join("\n");
      expect(said).not.toContain(SECRET);
    },
  );
});

test("a client, its environment and its key do not print", () => {
  const fal = createFal({ env: { FAL_KEY: KEY }, credentials: KEY });
  for (const thing of [fal, fal.environment, fal.environment.key, { key: fal.environment.key }]) {
    expect(printed(thing)).not.toContain(SECRET);
  }
  expect(fal.environment.key.redacted()).toBe("k3y-id…:…");
});

test("a call takes no authorization header of its own, whatever its case", async () => {
  const { fal, sent } = setup();
  const headers = { AuthoriZation: "Bearer x" };
  await expect(fal.subscribe(ECHO, { input: { prompt: "a fox" }, headers })).rejects.toThrow(/credentials/);
  expect(sent).toEqual([]);
});

test("what a failure quotes of the key reaches no file", async () => {
  const dir = tempDir();
  const store = sqliteStore(`${dir}/calls.db`);
  const { fal } = setup({ store });
  const one = fal.chain("one", async () => {
    await fal.step("quotes", () => Promise.reject(new Error(`the step has ${KEY}`))).catch(() => {});
    throw new Error(`the server said ${KEY}`);
  });
  await failureOf(one.start(undefined, { id: "1" }));
  await fal.close();
  await store.close();
  for (const name of readdirSync(dir)) expect(readFileSync(`${dir}/${name}`, "latin1")).not.toContain(SECRET);
  const again = sqliteStore(`${dir}/calls.db`);
  expect((await again.runs.get("one", "1"))?.error?.message).toBe("the server said k3y-id…:…");
  expect((await again.runs.steps("one", "1"))[0]?.error?.message).toBe("the step has k3y-id…:…");
  await again.close();
});

/** What a server may make of what it was sent. */
const ECHOES: Record<string, string> = {
  "as it is": KEY,
  "as a header": `Authorization: Key ${KEY}`,
  "its secret half": `it ends with ${SECRET}`,
  "in base64": Buffer.from(`Key ${KEY}`).toString("base64"),
  "in base64 for URLs": Buffer.from(`user:${KEY}`).toString("base64url"),
  "in a URL": encodeURIComponent(`?key=${KEY}`),
  "in hexadecimal digits": Buffer.from(KEY).toString("hex"),
};

test.each(Object.entries(ECHOES))(
  "an answer that has the key in it (%s) shows it nowhere, and is kept without it",
  async (_, echo) => {
    const dir = tempDir();
    const store = sqliteStore(`${dir}/calls.db`);
    const logged: unknown[] = [];
    const log = (...said: unknown[]) => void logged.push(said);
    const logger = { debug: log, info: log, warn: log, error: log };
    const withLog = { status: "IN_PROGRESS", logs: [{ message: echo, timestamp: "2026-11-24T12:00:00Z" }] };
    const wire: Wire = async (request, forward) => {
      const reply = await forward();
      if (kindOf(request) === "result") return json({ said: echo, deep: [{ [echo]: echo }] });
      return kindOf(request) === "status" && !(await reply.clone().text()).includes("COMPLETED")
        ? json({ ...(await reply.json()), ...withLog })
        : reply;
    };
    const { fal } = setup({ store, logger, logPayloads: true, wire });
    const one = fal.chain(
      "one",
      async () => (await fal.subscribe(ECHO, { input: { a: 1 }, logs: true, mode: "polling" })).data,
    );
    const run = one.start(undefined, { id: "1" });
    const { seen } = await collect(run);
    const first = await run;
    expect(await one.start(undefined, { id: "1" })).toEqual(first);
    await fal.close();
    await store.close();

    const hidden = [
      echo,
      SECRET,
      ...[0, 1, 2].map((at) => Buffer.from(SECRET.slice(at)).toString("base64").slice(0, 12)),
    ];
    const said = printed([first, seen, logged]);
    for (const secret of hidden) expect(said).not.toContain(secret);
    for (const name of readdirSync(dir)) {
      const kept = readFileSync(`${dir}/${name}`, "latin1");
      for (const secret of hidden) expect(kept).not.toContain(secret);
    }
  },
);

const bytes = new Uint8Array([0xff, 0xfe, 0x80, ...new TextEncoder().encode(` ${KEY} `), 0xc3, 0x28, 0]);

test.each(["application/json", "text/plain", "application/octet-stream", "image/png"])(
  "nor does the Response of %s that withResponse gives, in its body or its headers",
  async (type) => {
    const isBytes = !/json|text/.test(type);
    const body =
      type === "application/json" ? JSON.stringify({ said: KEY }) : isBytes ? bytes : `it is ${KEY}`;
    const headers = { "content-type": type, "x-quoted": `Key ${KEY}`, "set-cookie": `a=${SECRET}` };
    const { fal } = setup({ wire: instead("result", () => new Response(body, { headers })) });
    const { response, result } = await fal.subscribe(ECHO, { input: {} }).withResponse();
    const said = [...response.headers].flat().join(" ");
    expect(said).toContain("Key k3y-id...:...");
    const came = new Uint8Array(await response.arrayBuffer());
    const seen = `${said} ${Buffer.from(came).toString("latin1")} ${printed(result.data)}`;
    expect(seen).not.toContain(SECRET);
    if (!isBytes) return;
    // What is around it is as it was.
    expect([...came.slice(0, 4), ...came.slice(-4)]).toEqual([0xff, 0xfe, 0x80, 0x20, 0x20, 0xc3, 0x28, 0]);
    expect(result.data).toBeInstanceOf(ArrayBuffer);
    expect(Buffer.from(result.data as ArrayBuffer).toString("latin1")).not.toContain(SECRET);
  },
);

test("nor do the body and the headers of an error", async () => {
  const no = () =>
    new Response(JSON.stringify({ detail: KEY }), { status: 400, headers: { "x-fal-quoted": KEY } });
  const { fal } = setup({ wire: instead("submit", no) });
  const error = (await failureOf(fal.subscribe(ECHO, { input: {} }))) as ApiError;
  expect(`${JSON.stringify(error.body)} ${[...error.headers]} ${JSON.stringify(error)}`).not.toContain(
    SECRET,
  );
});

test("a secret of digits, or with JSON's own signs, leaves what is kept readable", async () => {
  const dir = tempDir();
  const { PIN, ODD } = secrets(
    { PIN: z.string(), ODD: z.string() },
    { PIN: "17642012", ODD: 'pass"word\\é' },
  );
  const store = sqliteStore(`${dir}/calls.db`);
  const { fal } = setup({ store });
  const one = fal.chain("one", async () => {
    throw Object.assign(new Error(`said ${PIN} and ${ODD}`), { at: 1_764_201_234_567, odd: ODD });
  });
  await failureOf(one.start(undefined, { id: "1" }));
  const error = (await fal.runs.get("one", "1"))?.error;
  expect(error).toMatchObject({ message: "said … and …", facts: { at: 1_764_201_234_567, odd: "…" } });
  await fal.close();
  await store.close();
  for (const name of readdirSync(dir))
    expect(readFileSync(`${dir}/${name}`, "utf8")).not.toMatch(/pass..?word/);
});

test.each(["endpoint", "tag", "step", "id", "chain"])(
  "a key that is given as the %s is quoted by no error",
  async (field) => {
    const real = "0b3f2a9c-1e4d-4b6a-9c1e-7d2f3a4b5c6d:0123456789abcdef0123456789abcdef";
    const { fal, sent } = setup();
    const attempts: Record<string, () => PromiseLike<unknown>> = {
      endpoint: () => fal.subscribe(real, { input: {} }),
      tag: () => fal.subscribe(ECHO, { input: {}, tags: { [real]: "x" } }),
      step: () => fal.subscribe(ECHO, { input: {}, step: real, tags: { "No Tag": "x" } }),
      id: () => fal.queue.status(ECHO, { requestId: `${real}/..` }),
      chain: () => fal.calls.collect(real),
    };
    const error = await failureOf(Promise.resolve().then(attempts[field]));
    expect(printed(error)).not.toContain("0123456789abcdef0123456789abcdef");
    expect(sent).toEqual([]);
  },
);
