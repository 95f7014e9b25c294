import { createHash, createPublicKey, verify } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { type EmulatorOptions, type FaultText, serveEmulator } from "../../src/emulator/index.ts";
import { echo, type Json, json, KEY, stage } from "../support/stage.ts";

const HOOK = "https://app.test/hook?call=7";
const ECHO = "acme/echo/v1";

interface Hook {
  readonly at: number;
  readonly url: string;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Json;
}

/** A stage whose webhooks arrive here, and a receiver that answers as the test says. */
function withReceiver(
  answer: (hook: Hook, number: number) => Response | Promise<Response> = () => new Response(),
  options: EmulatorOptions & { auto?: boolean } = {},
) {
  const hooks: Hook[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    expect([request.method, request.redirect]).toEqual(["POST", "manual"]);
    const text = await request.text();
    const { url, headers } = request;
    const hook = { at: world.clock.now(), url, headers, text, body: JSON.parse(text) as Json };
    hooks.push(hook);
    return answer(hook, hooks.length);
  };
  const world = stage({ models: [echo], fetch, ...options });
  const call = async (input: Json = {}, headers: Record<string, string> = {}) => {
    const path = `/queue/${ECHO}?fal_webhook=${encodeURIComponent(HOOK)}`;
    return json(await world.send("POST", path, { body: input, headers }));
  };
  return { ...world, hooks, call };
}

const keysOf = async ({ send }: ReturnType<typeof withReceiver>) => {
  const jwks = await json(
    await send("GET", "https://rest.fal.ai/.well-known/jwks.json", { anonymous: true }),
  );
  return (jwks["keys"] as { kty: string; crv: string; x: string }[]).map((key) =>
    createPublicKey({ key, format: "jwk" }),
  );
};

/** Which of the published keys made a hook's signature. */
async function signers(world: ReturnType<typeof withReceiver>, { headers, text }: Hook): Promise<boolean[]> {
  const get = (name: string) => headers.get(`x-fal-webhook-${name}`) ?? "";
  const digest = createHash("sha256").update(text).digest("hex");
  const message = Buffer.from([get("request-id"), get("user-id"), get("timestamp"), digest].join("\n"));
  const signature = Buffer.from(get("signature"), "hex");
  return (await keysOf(world)).map((key) => verify(null, message, key, signature));
}

test("the result is posted when the request ends, signed by one of the published keys", async () => {
  const world = withReceiver();
  const { request_id: id } = await world.call({ text: "hi" });
  await world.clock.sleep(60_000);
  const [hook, ...others] = world.hooks;
  expect(others).toEqual([]);
  expect(hook?.url).toBe(HOOK);
  expect(hook?.body).toEqual({
    request_id: id,
    gateway_request_id: id,
    status: "OK",
    payload: { text: "hi", seed: expect.any(Number) },
  });
  const job = world.emulator.jobs[0];
  expect(hook?.headers.get("x-fal-webhook-timestamp")).toBe(
    String(Math.floor((job?.completedAt ?? 0) / 1000)),
  );
  expect(hook?.headers.get("x-fal-webhook-user-id")).toBe("id");
  expect(hook && (await signers(world, hook))).toEqual([false, true]);
  expect(world.emulator.hooks).toMatchObject([{ requestId: id, url: HOOK, status: 200, fault: undefined }]);
});

test("a failure is posted with the status and body that the result has", async () => {
  const world = withReceiver();
  await world.call({ text: 5 });
  await world.call({ fail: true });
  await world.clock.sleep(60_000);
  expect(world.hooks.map(({ body }) => body)).toMatchObject([
    { status: "ERROR", error: "Invalid status code: 422", payload: { detail: [{ loc: ["body", "text"] }] } },
    { status: "ERROR", error: "Invalid status code: 500", payload: { error_type: "internal_error" } },
  ]);
});

test("without a webhook, and for direct calls, nothing is posted", async () => {
  const world = withReceiver();
  await world.submit(ECHO);
  await world.send("POST", `/run/${ECHO}?fal_webhook=${encodeURIComponent(HOOK)}`, { body: {} });
  await world.clock.sleep(60_000);
  expect([world.hooks, world.emulator.hooks]).toEqual([[], []]);
});

test("an emulator that was started again has the same keys, whatever its seed", async () => {
  const keys = await Promise.all(
    [1, 2].map(
      async (seed) => (await keysOf(withReceiver(undefined, { seed })))[1]?.export({ format: "jwk" }).x,
    ),
  );
  expect(keys[0]).toBe(keys[1]);
});

describe("a webhook that is not acknowledged", () => {
  test("is sent again with growing pauses, signed anew, until it is", async () => {
    const world = withReceiver((_, number) => {
      if (number === 1) throw new TypeError("fetch failed", { cause: new Error("ECONNREFUSED") });
      return new Response(null, { status: [404, 500, 401][number - 2] ?? 204 });
    });
    await world.call();
    await world.clock.sleep(300_000);
    const times = world.hooks.map(({ at }) => at);
    expect(times.slice(1).map((at, index) => at - (times[index] ?? 0))).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(world.emulator.hooks.map(({ status, why }) => status ?? why)).toEqual([
      "fetch failed: ECONNREFUSED",
      404,
      500,
      401,
      204,
    ]);
    for (const hook of world.hooks) {
      expect(Number(hook.headers.get("x-fal-webhook-timestamp"))).toBe(Math.floor(hook.at / 1000));
      expect(await signers(world, hook)).toContain(true);
    }
  });

  test("is given up when the result has expired: after an hour, or six minutes for a large one", async () => {
    for (const [text, minutes] of [
      ["small", 60],
      ["large".repeat(5_000), 6],
    ] as const) {
      const world = withReceiver(() => new Response("", { status: 500 }));
      await world.call({ text });
      await world.clock.sleep(3 * 3_600_000);
      const { completedAt = 0 } = world.emulator.jobs[0] ?? {};
      const last = world.hooks.at(-1)?.at ?? 0;
      expect(last - completedAt).toBeLessThan(minutes * 60_000);
      expect(last - completedAt).toBeGreaterThan((minutes * 60_000) / 2);
      expect(world.hooks.length).toBeLessThanOrEqual(32);
      expect(world.clock.sleepers).toBe(0);
    }
  });

  test("but redirected, is final", async () => {
    const world = withReceiver(() => new Response(null, { status: 307, headers: { location: HOOK } }));
    await world.call();
    await world.clock.sleep(3_600_000);
    expect(world.emulator.hooks.map(({ status }) => status)).toEqual([307]);
  });

  test("in time is sent again: 15 s the first time, 120 s after", async () => {
    const slow = [16_000, 119_000];
    const world = withReceiver(async (_, number) => {
      await world.clock.sleep(slow[number - 1] ?? 0);
      return new Response();
    });
    await world.call();
    await world.clock.sleep(3_600_000);
    expect(world.emulator.hooks.map(({ status, why }) => status ?? why)).toEqual([
      "the answer came too late",
      200,
    ]);
  });
});

describe("faults of webhooks", () => {
  const posted = async (fault: FaultText, answer?: (hook: Hook) => Response) => {
    const world = withReceiver(answer);
    await world.call({}, { "x-emulator-fault": fault });
    await world.clock.sleep(3_600_000);
    return world;
  };

  test("late, by its own time", async () => {
    const world = await posted("hook-late; ms=90000");
    expect(world.hooks.map(({ at }) => at - (world.emulator.jobs[0]?.completedAt ?? 0))).toEqual([90_000]);
    expect(world.emulator.hooks[0]?.fault).toEqual({ name: "hook-late", ms: 90_000 });
  });

  test("twice, with the same words", async () => {
    const { hooks } = await posted("hook-twice");
    expect(hooks).toHaveLength(2);
    expect(hooks[0]?.text).toBe(hooks[1]?.text);
  });

  test("never", async () => {
    const { hooks, emulator } = await posted("hook-never");
    expect([hooks, emulator.jobs[0]?.state]).toEqual([[], "COMPLETED"]);
  });

  test("forged: no published key made the signature, at no attempt", async () => {
    const world = await posted("hook-forged", () => new Response("", { status: 401 }));
    expect(world.hooks.length).toBeGreaterThan(1);
    for (const hook of world.hooks) expect(await signers(world, hook)).toEqual([false, false]);
  });

  test("unreadable: a result without a payload", async () => {
    const { hooks } = await posted("hook-unreadable");
    expect(hooks[0]?.body).toMatchObject({ status: "OK", payload: null, payload_error: expect.any(String) });
  });

  test("first: the webhook is there before the answer to the submit", async () => {
    const seen: string[] = [];
    const world = withReceiver(({ body }) => {
      seen.push(`hook ${body["request_id"]}`);
      return new Response();
    });
    const { request_id: id } = await world.call({}, { "x-emulator-fault": "hook-first" });
    seen.push(`answer ${id}`);
    expect(seen).toEqual([`hook ${id}`, `answer ${id}`]);
  });

  test("first, for a submit without a webhook: the answer comes when the request has ended", async () => {
    const world = withReceiver();
    const { request_id: id } = await world.submit(ECHO, {}, { "x-emulator-fault": "hook-first" });
    expect(world.emulator.job(id)?.state).toBe("COMPLETED");
  });

  test("by script, for one request among others", async () => {
    const world = withReceiver();
    world.emulator.faults.next({ operation: "webhook", nth: 2 }, "hook-never");
    for (let i = 0; i < 3; i++) await world.call();
    await world.clock.sleep(600_000);
    const ids = world.emulator.jobs.map(({ requestId }) => requestId);
    expect(world.hooks.map(({ body }) => body["request_id"])).toEqual([ids[0], ids[2]]);
  });
});

test("close ends what is under way, and leaves nothing behind", async () => {
  const world = withReceiver(() => new Promise<Response>(() => {}));
  await world.call();
  const stuck = world.call({}, { "x-emulator-fault": "hook-first" });
  await world.clock.sleep(60_000);
  expect(world.hooks).toHaveLength(2);
  await world.emulator.close();
  await stuck.catch(() => {});
  expect(world.clock.sleepers).toBe(0);
});

test("a served emulator posts over the network, to loopback addresses too", async () => {
  const posted = Promise.withResolvers<string>();
  const receiver = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    response.writeHead(200).end();
    posted.resolve(text);
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const { port } = receiver.address() as AddressInfo;
  const server = await serveEmulator({ clock: systemClock, timeScale: 0, models: [echo] });
  const hook = encodeURIComponent(`http://127.0.0.1:${port}/hook`);
  await fetch(`${server.url}/queue/${ECHO}?fal_webhook=${hook}`, {
    method: "POST",
    headers: KEY,
    body: "{}",
  });
  expect(JSON.parse(await posted.promise)).toMatchObject({ status: "OK", payload: { text: "hello" } });
  await server.close();
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
});

test("the addresses that webhooks come from are told without a key", async () => {
  const { send } = stage();
  const meta = await json(await send("GET", "https://api.fal.ai/v1/meta", { anonymous: true }));
  expect(meta).toEqual({ webhook_ip_ranges: ["127.0.0.1/32"] });
});
