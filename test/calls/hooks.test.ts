import { createFal, type Fal, type FalOptions, memoryStore, type Store } from "fal-chain";
import { createEmulator, type EmulatorOptions, type VirtualClock, virtualClock } from "fal-chain/emulator";
import { sqliteStore } from "fal-chain/sqlite";
import { signWebhook, webhookKeys } from "fal-chain/webhooks";
import { expect, test, vi } from "vitest";
import { echo } from "../support/models.ts";
import { ECHO, ENV, failureOf, SECRET } from "../support/setup.ts";
import { tempDir } from "../support/temp.ts";
import { kindOf, losing, networkError, type Sent, type Wire, wireFetch } from "../support/wire.ts";

const AT = "https://app.example.com/fal";

/** A client that is told by webhooks, and an emulator that can reach it. */
function setup({
  wire,
  hears = true,
  hearsAfter,
  ...options
}: Omit<FalOptions, "store"> & {
  store?: Store;
  wire?: Wire;
  hears?: boolean;
  /** Hooks are on their way until then. */
  hearsAfter?: Promise<void>;
  emulator?: EmulatorOptions;
} = {}) {
  const clock = virtualClock({ auto: false });
  const store: Store = options.store ?? memoryStore({ clock });
  const sent: Sent[] = [];
  const answers: number[] = [];
  let last: Request | undefined;
  let fal: Fal;
  const { emulator: emulated, ...settings } = options;
  const emulator = createEmulator({
    clock,
    models: [echo()],
    ...emulated,
    fetch: async (input, init) => {
      const request = new Request(input, init);
      last = request.clone();
      if (!hears) return new Response(null, { status: 500 });
      await hearsAfter;
      const answer = await fal.webhooks.handle(request);
      answers.push(answer.status);
      return answer;
    },
  });
  fal = createFal({
    env: ENV,
    clock,
    store,
    random: () => 0.5,
    fetch: wireFetch((request) => emulator.fetch(request), { wire, sent, clock }),
    webhooks: { url: AT },
    ...settings,
  });
  return {
    fal,
    emulator,
    clock,
    store,
    sent,
    answers,
    lastHook: () => last as Request,
    until: driver(clock),
  };
}

/** Signatures are made and checked beside the event loop, so time must not run on while nothing else happens. */
const driver =
  (clock: VirtualClock, stepMs = 500) =>
  async <T>(promise: PromiseLike<T>): Promise<T> => {
    let over = false;
    const end = () => {
      over = true;
    };
    promise.then(end, end);
    while (!over) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      await clock.advance(stepMs);
    }
    return promise;
  };

const kinds = (sent: readonly Sent[]) => sent.map(({ kind }) => kind);

test("a call is told of its end, and watches nothing meanwhile", async () => {
  const { fal, sent, store, emulator, answers, until } = setup();
  const result = await until(fal.subscribe(ECHO, { input: { n: 1 } }));
  expect(result).toMatchObject({ data: { echo: { n: 1 } }, billing: { units: 1 } });
  expect(kinds(sent).filter((kind) => kind !== "other")).toEqual(["submit", "result"]);
  expect(answers).toEqual([204]);
  expect(emulator.jobs[0]?.headers["x-fal-store-io"]).toBe("1");
  expect(await store.calls.list()).toMatchObject([
    { state: "completed", outcome: { data: { echo: { n: 1 } } } },
  ]);
});

test("a failure comes as a hook too", async () => {
  const { fal, emulator, store, until } = setup();
  emulator.faults.next("submit", "completed-with-error");
  const error = await until(failureOf(fal.subscribe(ECHO, { input: {} })));
  expect(error).toMatchObject({ code: "api", requestId: emulator.jobs[0]?.requestId, endpoint: ECHO });
  expect(await store.calls.list()).toMatchObject([{ state: "failed" }]);
});

test("a failure that a hook tells of costs what fal bills for it", async () => {
  const { fal, emulator, store, until } = setup({ budget: { usd: 0.03 } });
  emulator.faults.next("submit", "completed-with-error; status=422");
  const free = await until(failureOf(fal.subscribe(ECHO, { input: {} })));
  expect(free).toMatchObject({ status: 422, billed: false });
  emulator.faults.next("submit", "completed-with-error; status=422; billableUnits=2");
  const billed = await until(failureOf(fal.subscribe(ECHO, { input: {} })));
  expect(billed).toMatchObject({ status: 422, billed: true });
  await until(fal.close());
  expect(await store.calls.list()).toMatchObject([
    { cost: { source: "measured", nanoUsd: 20_000_000, units: 2 } },
    { cost: undefined },
  ]);
  await until(fal.subscribe(ECHO, { input: {} }));
});

test("a failure whose result cannot be read is what the hook says", async () => {
  const wire: Wire = (request, forward) =>
    kindOf(request) === "result"
      ? Response.json({ detail: "still in progress" }, { status: 400 })
      : forward();
  const { fal, emulator, until } = setup({ wire });
  emulator.faults.next("submit", "completed-with-error; status=422; error=too dark");
  const error = await until(failureOf(fal.subscribe(ECHO, { input: {} })));
  expect(error).toMatchObject({
    status: 422,
    billed: "unknown",
    message: expect.stringContaining("too dark"),
  });
});

test("a result that only a hook brought is priced", async () => {
  const { fal, store, clock, until } = setup();
  await until(failureOf(fal.subscribe(ECHO, { input: {}, timeout: 1_000, cancelOnAbort: false })));
  await until(clock.sleep(20_000));
  await until(fal.close());
  expect(await store.calls.list()).toMatchObject([
    { state: "completed", cost: { source: "measured", nanoUsd: 10_000_000, units: 1 } },
  ]);
});

test("once its price is known, what a hook's result cost is in the store together with it", async () => {
  const store = memoryStore();
  const charged = vi.spyOn(store.calls, "charged");
  const { fal, clock, until } = setup({ store });
  await until(fal.price(ECHO));
  await until(failureOf(fal.subscribe(ECHO, { input: {}, timeout: 1_000, cancelOnAbort: false })));
  charged.mockClear();
  await until(clock.sleep(20_000));
  await until(fal.close());
  expect(await store.calls.list()).toMatchObject([{ state: "completed", cost: { source: "measured" } }]);
  expect(charged).not.toHaveBeenCalled();
});

test("a hook that comes before the submit's answer names the request: a lost answer costs nothing", async () => {
  const { fal, emulator, sent, until } = setup({
    wire: losing("submit", 1),
    emulator: { history: { lagMs: 3_600_000 } },
  });
  const { data } = await until(fal.subscribe(ECHO, { input: { n: 1 } }));
  expect(data).toEqual({ echo: { n: 1 } });
  expect(emulator.jobs).toHaveLength(1);
  expect(kinds(sent).filter((kind) => kind === "submit")).toHaveLength(1);
});

test("the same hook again changes nothing, and another client's address is refused", async () => {
  const { fal, lastHook, store, until } = setup();
  await until(fal.subscribe(ECHO, { input: { n: 1 } }));
  await until(new Promise(setImmediate));
  const before = await store.calls.list();
  const hook = lastHook();
  expect((await fal.webhooks.handle(hook.clone())).status).toBe(204);
  expect(await store.calls.list()).toEqual(before);

  const forged = new URL(hook.url);
  forged.searchParams.set("call", crypto.randomUUID());
  const elsewhere = new Request(forged, { method: "POST", headers: hook.headers, body: await hook.text() });
  expect((await fal.webhooks.handle(elsewhere)).status).toBe(403);
});

test("what fal did not sign is refused, and keeps its call waiting", async () => {
  const { fal, lastHook, store, until } = setup();
  await until(fal.subscribe(ECHO, { input: { n: 1 } }));
  const keys = await webhookKeys();
  const body = JSON.stringify({ request_id: "r", status: "OK", payload: { n: 2 } });
  const signed = await signWebhook(body, { keys });
  const answer = await fal.webhooks.handle(
    new Request(lastHook().url, { method: "POST", headers: signed.headers, body }),
  );
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(await store.calls.list()).toMatchObject([{ outcome: { data: { echo: { n: 1 } } } }]);
});

test("a stranger who does not know the address is sent away, and neither read nor looked up", async () => {
  const { fal, lastHook, sent, store, until } = setup();
  await until(fal.subscribe(ECHO, { input: { n: 1 } }));
  const known = new URL(lastHook().url);
  const other = new URL(known);
  other.searchParams.set("call", "another-call");
  const unsigned = new URL(known);
  unsigned.searchParams.delete("signature");
  const before = sent.length;
  for (const address of [AT, `${AT}?call=&signature=`, other.href, unsigned.href]) {
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled += 1;
          controller.enqueue(new Uint8Array(65_536));
        },
      },
      { highWaterMark: 0 },
    );
    const init = { method: "POST", headers: lastHook().headers, body: endless, duplex: "half" };
    const answer = await fal.webhooks.handle(new Request(address, init));
    expect([answer.status, pulled]).toEqual([403, 0]);
  }
  expect(sent).toHaveLength(before);
  expect(await store.calls.list()).toHaveLength(1);
});

test("who knows the address is told what is wrong with a hook, and keeps nobody busy", async () => {
  const { fal, lastHook, until } = setup({ webhooks: { url: AT, maxBytes: 1_000 } });
  await until(fal.subscribe(ECHO, { input: { n: 1 } }));
  const { url, headers } = lastHook();
  const statusOf = async (init: RequestInit) =>
    (await until(fal.webhooks.handle(new Request(url, { headers, ...init })))).status;
  const silent = { body: new ReadableStream({}), duplex: "half" };
  expect(await statusOf({ method: "GET" })).toBe(405);
  expect(await statusOf({ method: "POST", body: "x".repeat(1_001) })).toBe(413);
  expect(await statusOf({ method: "POST", ...silent })).toBe(408);
  expect(await statusOf({ method: "POST", body: "{}" })).toBe(401);
  expect(await statusOf({ method: "POST", headers: {}, body: "{}" })).toBe(401);
});

test("a hook that is too deep is kept all the same, and the client pays and reads its ledger after it", async () => {
  const keys = await webhookKeys();
  const wire: Wire = async (request, forward) => {
    if (request.url.endsWith("jwks.json")) return Response.json(keys.jwks);
    return kindOf(request) === "result" ? new Response(null, { status: 500 }) : forward();
  };
  const { fal, lastHook, clock, store, until } = setup({ wire, hears: false });
  const call = fal.subscribe(ECHO, { input: { n: 1 } });
  const { requestId } = await until(call.submitted);
  const posted = async () => {
    while (!lastHook()) await new Promise(setImmediate);
  };
  await until(posted());
  const payload = `${"[".repeat(6_000)}1${"]".repeat(6_000)}`;
  const body = `{"request_id":"${requestId}","status":"OK","payload":${payload}}`;
  const { headers } = await signWebhook(body, { keys, requestId, clock });
  const hook = new Request(lastHook().url, { method: "POST", headers, body });
  expect((await until(fal.webhooks.handle(hook))).status).toBe(204);
  expect(await until(call)).toMatchObject({ requestId });
  expect(await store.calls.list()).toMatchObject([{ state: "completed", ticket: { requestId } }]);
  expect((await fal.costs()).total.calls).toBe(1);
  await until(fal.subscribe(ECHO, { input: { n: 2 } }).submitted);
});

test("a result that is too long for a hook is fetched instead", async () => {
  const { fal, answers, emulator, until } = setup({ webhooks: { url: AT, maxBytes: 1_000 } });
  const input = { text: "x".repeat(2_000) };
  expect((await until(fal.subscribe(ECHO, { input }))).data).toEqual({ echo: input });
  expect(new Set(answers)).toEqual(new Set([413]));
  expect(emulator.jobs).toHaveLength(1);
});

test.each([
  ["history", {}],
  ["the queue, where history may not be read", { forbidden: true }],
])("a hook that never comes is found in %s", async (_, history) => {
  const { fal, clock, emulator, until } = setup({ hears: false, emulator: { history } });
  const before = clock.now();
  const { data } = await until(fal.subscribe(ECHO, { input: { n: 1 } }));
  expect(data).toEqual({ echo: { n: 1 } });
  expect(clock.now() - before).toBeGreaterThanOrEqual(120_000);
  expect(emulator.jobs).toHaveLength(1);
});

test("a hook that cannot be kept is not acknowledged", async () => {
  const inner = memoryStore();
  let broken = false;
  const store: Store = {
    ...inner,
    calls: {
      ...inner.calls,
      get: async (id) => {
        if (broken) throw new Error("the disk is away");
        return inner.calls.get(id);
      },
    },
  };
  const { fal, answers, until } = setup({ store, logger: { warn: () => {} } });
  const call = fal.subscribe(ECHO, { input: { n: 1 } });
  await until(call.submitted);
  broken = true;
  const answered = async () => {
    while (answers.length === 0) await new Promise(setImmediate);
  };
  await until(answered());
  expect(answers).toEqual([503]);
  broken = false;
  await until(call);
  expect(answers).toEqual([503, 204]);
});

test("a call with a webhook of its own is watched as any other", async () => {
  const { fal, sent, emulator, until } = setup();
  await until(fal.subscribe(ECHO, { input: {}, webhookUrl: "https://elsewhere.example.com/" }));
  expect(kinds(sent)).toContain("stream");
  expect(emulator.jobs[0]?.webhookUrl).toBe("https://elsewhere.example.com/");
});

test("a client without webhooks says so", async () => {
  const fal = createFal({ env: ENV });
  expect((await fal.webhooks.handle(new Request(AT, { method: "POST" }))).status).toBe(404);
});

/** The gate has 10,000. */
const IN_FLIGHT = Number(process.env["CALLS_IN_FLIGHT"] ?? 100);

test(`${IN_FLIGHT} calls are in flight at once, each is paid once and told once, and nothing is left`, {
  timeout: 120_000,
}, async () => {
  const { fal, emulator, clock, sent } = setup({
    emulator: { models: [echo({ seconds: 60 })], concurrency: IN_FLIGHT },
  });
  const until = driver(clock, 5_000);
  const calls = Array.from({ length: IN_FLIGHT }, (_, n) => fal.subscribe(ECHO, { input: { n } }));
  await until(Promise.all(calls.map(({ submitted }) => submitted)));
  expect(emulator.jobs.filter(({ state }) => state !== "COMPLETED")).toHaveLength(IN_FLIGHT);
  const results = await until(Promise.all(calls));
  expect(results.every(({ data }, n) => (data as { echo: { n: number } }).echo.n === n)).toBe(true);
  expect(new Set(results.map(({ requestId }) => requestId)).size).toBe(IN_FLIGHT);
  expect(emulator.jobs).toHaveLength(IN_FLIGHT);
  expect(kinds(sent).filter((kind) => kind === "stream" || kind === "status")).toEqual([]);
  await fal.close();
  await emulator.close();
  expect(clock.sleepers).toBe(0);
});

test("two who wait for one call are both told of its end", async () => {
  const { fal, store, until } = setup();
  const first = fal.subscribe(ECHO, { input: { n: 1 } });
  await until(first.submitted);
  const [{ id } = { id: "" }] = await store.calls.list();
  const results = await until(Promise.all([first, fal.calls.collect(id)]));
  expect(results.map(({ data }) => data)).toEqual([{ echo: { n: 1 } }, { echo: { n: 1 } }]);
});

test("a result that is not there yet when its call is looked for is waited for", async () => {
  const { fal, emulator, until } = setup({ hears: false });
  emulator.faults.next("result", "400-early-result", 3);
  expect((await until(fal.subscribe(ECHO, { input: { n: 1 } }))).data).toEqual({ echo: { n: 1 } });
});

test("a token that an app of ours issues anew is heard, though the result came by a webhook", async () => {
  const wire: Wire = async (request, forward) => {
    const reply = await forward();
    if (kindOf(request) === "result") reply.headers.set("x-fal-cdn-token", "anew");
    return reply;
  };
  const env = { ...ENV, FAL_JOB_ID: "job-7", FAL_USER_NICKNAME: "acme" };
  const { fal, sent, until } = setup({ wire, env });
  const given = await until(
    fal.withRequest({ headers: { "x-fal-cdn-token": "lent" } }, async () => {
      await fal.subscribe(ECHO, { input: {} });
      return fal.replyHeaders();
    }),
  );
  expect(given).toEqual({ "x-fal-cdn-token": "anew" });
  expect(sent.some(({ kind }) => kind === "stream" || kind === "status")).toBe(false);
});

/** A first submit whose answer is lost, and a second one. */
const submittedTwice = (second: (forward: () => Promise<Response>) => Promise<Response>): Wire => {
  const first = losing("submit", 1);
  let submits = 0;
  return (request, forward) => {
    if (kindOf(request) !== "submit" || ++submits === 1) return first(request, forward);
    return second(forward);
  };
};

test.each(["before", "after"])(
  "where a call was submitted twice, both requests are in the ledger with what they gave and cost, though the hook of the first comes %s the second is answered",
  async (when) => {
    const hears = Promise.withResolvers<void>();
    const made = setup({
      ambiguousSubmit: "resubmit",
      budget: { usd: 0.02 },
      hearsAfter: hears.promise,
      wire: submittedTwice(async (forward) => {
        const reply = await forward();
        // One that comes before the second is sent keeps it from being sent.
        hears.resolve();
        while (when === "before" && made.answers.length === 0) await new Promise(setImmediate);
        return reply;
      }),
    });
    const { fal, emulator, store, clock, answers, until } = made;
    const { requestId, data } = await until(fal.subscribe(ECHO, { input: { n: 1 } }));
    expect(data).toEqual({ echo: { n: 1 } });
    await until(clock.sleep(20_000));
    await until(fal.close());
    expect(answers).toEqual([204, 204]);
    const calls = await store.calls.list();
    const cost = { source: "measured", nanoUsd: 10_000_000 };
    expect(calls).toMatchObject([
      { state: "completed", outcome: { data: { echo: { n: 1 } } }, cost },
      { state: "completed", ticket: { requestId }, cost },
    ]);
    const ids = calls.map(({ ticket }) => ticket?.requestId);
    expect(ids.sort()).toEqual(emulator.jobs.map((job) => job.requestId).sort());
  },
);

test("a call that was submitted again is what a hook says that it is, though fal refuses the second submit", async () => {
  const busy = () => Response.json({ detail: "busy" }, { status: 429, headers: { "retry-after": "20" } });
  const made = setup({
    ambiguousSubmit: "resubmit",
    retry: { maxRetries: 1 },
    wire: submittedTwice(async () => {
      while (answers.length === 0) await new Promise(setImmediate);
      return busy();
    }),
  });
  const { fal, emulator, store, answers, until } = made;
  const { requestId } = await until(fal.subscribe(ECHO, { input: { n: 1 } }));
  expect(emulator.jobs).toMatchObject([{ requestId }]);
  expect(await store.calls.list()).toMatchObject([
    { state: "failed", error: { billed: false } },
    { state: "completed", ticket: { requestId } },
  ]);
});

test("a lost submit that a hook has named is not submitted again, whatever the policy", async () => {
  const made = setup({
    ambiguousSubmit: "resubmit",
    wire: async (request, forward) => {
      const reply = await forward();
      if (kindOf(request) !== "submit") return reply;
      while (made.answers.length === 0) await new Promise(setImmediate);
      throw networkError("ECONNRESET");
    },
  });
  const { requestId } = await made.until(made.fal.subscribe(ECHO, { input: { n: 1 } }));
  expect(made.emulator.jobs).toMatchObject([{ requestId }]);
  expect(await made.store.calls.list()).toMatchObject([{ state: "completed", ticket: { requestId } }]);
});

/** A client whose hooks are made up here, signed with keys that it trusts. */
async function madeUp(options: Parameters<typeof setup>[0] = {}) {
  const keys = await webhookKeys();
  const wire: Wire = (request, forward) => {
    if (request.url.endsWith("/jwks.json")) return Response.json(keys.jwks);
    return options.wire ? options.wire(request, forward) : forward();
  };
  const made = setup({ hears: false, logger: { warn: () => {} }, ...options, wire });
  const hook = async (payload: string) => {
    const body = `{"request_id":"${made.emulator.jobs.at(-1)?.requestId}","status":"OK",${payload}}`;
    const { headers } = await signWebhook(body, { keys, clock: made.clock });
    const { status } = await made.fal.webhooks.handle(
      new Request(made.lastHook().url, { method: "POST", headers, body }),
    );
    return status;
  };
  const submitted = async () => {
    const call = made.fal.subscribe(ECHO, { input: { n: 1 } });
    await made.until(call.submitted);
    await made.until(made.clock.sleep(3_000));
    // In an object: who awaits a call awaits its result.
    return { call };
  };
  return { ...made, hook, submitted };
}

const tooEarly: Wire = (request, forward) =>
  kindOf(request) === "result"
    ? Response.json({ detail: "Request is still in progress" }, { status: 400 })
    : forward();

test("a hook that goes deeper than a store can write is kept, with the deepest of it as text", async () => {
  const store = sqliteStore(`${tempDir()}/calls.db`);
  const { fal, hook, submitted, until, emulator } = await madeUp({ store, wire: tooEarly });
  const { call } = await submitted();
  const deep = `${"[".repeat(100_000)}"leaf"${"]".repeat(100_000)}`;
  expect(await until(hook(`"payload":{"images":[1],"deep":${deep}}`))).toBe(204);
  const { data } = await until(call);
  expect(data).toMatchObject({ images: [1] });
  expect(JSON.stringify(data)).toContain("leaf");
  expect((await fal.calls.list())[0]?.outcome?.data).toEqual(data);
  await until(failureOf(fal.subscribe(ECHO, { input: { n: 2 }, timeout: 1_000 })));
  expect(emulator.jobs).toHaveLength(2);
  await until(fal.close());
  await store.close();
});

test.each(["completed", "submitted"] as const)(
  "where a hook's %s cannot be written, it is not acknowledged, and nothing is owed for it",
  async (name) => {
    const inner = memoryStore();
    let isFull = false;
    const note =
      (write: "completed" | "submitted") =>
      async (...args: never[]) => {
        if (isFull && write === name) throw new Error("the disk is full");
        await (inner.calls[write] as (...all: never[]) => Promise<void>)(...args);
      };
    const calls = { ...inner.calls, completed: note("completed"), submitted: note("submitted") };
    const store: Store = { ...inner, calls };
    const wire = name === "submitted" ? losing("submit", 1) : tooEarly;
    const { hook, submitted, until, fal, clock } = await madeUp({ store, wire });
    isFull = true;
    if (name === "completed") await submitted();
    else await until(failureOf(fal.subscribe(ECHO, { input: { n: 1 }, ambiguousSubmit: "throw" })));
    await until(clock.sleep(3_000));
    expect(await until(hook('"payload":{"n":1}'))).toBe(503);
    isFull = false;
    expect(await until(hook('"payload":{"n":1}'))).toBe(204);
    expect(await store.calls.list()).toMatchObject([{ state: "completed" }]);
  },
);

test("an output of null is an output", async () => {
  const { fal, hook, submitted, until } = await madeUp({ wire: tooEarly });
  const { call } = await submitted();
  expect(await until(hook('"payload":null'))).toBe(204);
  expect((await until(call)).data).toBeNull();
  expect(await fal.calls.list()).toMatchObject([{ state: "completed", outcome: { data: null } }]);
});

test("a hook without its result is not acknowledged before the result has been read", async () => {
  let isAway = true;
  const wire: Wire = (request, forward) => (isAway ? tooEarly(request, forward) : forward());
  const { fal, hook, submitted, until } = await madeUp({ wire });
  const { call } = await submitted();
  const bare = '"payload":null,"payload_error":"Response payload is not JSON serializable"';
  expect(await until(hook(bare))).toBe(503);
  expect(await fal.calls.list()).toMatchObject([{ state: "submitted" }]);
  isAway = false;
  expect(await until(hook(bare))).toBe(204);
  expect((await until(call)).data).toEqual({ echo: { n: 1 } });
});

test("what a hook quotes of the key is neither given nor kept", async () => {
  const { fal, hook, submitted, until } = await madeUp({ wire: tooEarly });
  const { call } = await submitted();
  const key = ENV.FAL_KEY;
  expect(await until(hook(`"payload":{"said":"Key ${key}","coded":"${btoa(key)}"}`))).toBe(204);
  const { data } = await until(call);
  const said = JSON.stringify([data, await fal.calls.list()]);
  expect(said).toContain("said");
  for (const secret of [SECRET, btoa(key).slice(20, 40)]) expect(said).not.toContain(secret);
});
