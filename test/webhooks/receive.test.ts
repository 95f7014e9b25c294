import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { virtualClock } from "fal-chain/emulator";
import {
  receiveWebhook,
  signWebhook,
  WebhookError,
  type WebhookOptions,
  webhookKeys,
} from "fal-chain/webhooks";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { failureOf } from "../support/setup.ts";

const clock = virtualClock({ auto: false });
const keys = await webhookKeys();
const options = { jwks: keys.jwks, clock };
const OK = { request_id: "r-1", gateway_request_id: "g-2", status: "OK", payload: { images: [] } } as const;
const signed = (body: Parameters<typeof signWebhook>[0] = OK, more = {}) =>
  signWebhook(body, { keys, clock, ...more });

/** A body that comes in pieces, as they are asked for. */
function pieces(bytes: Uint8Array, size: number) {
  let at = 0;
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(bytes.slice(at, at + size));
      at += size;
      if (at >= bytes.length) controller.close();
    },
    cancel: () => {
      isCancelled = true;
    },
  });
  return { body, pulled: () => at, isCancelled: () => isCancelled };
}

test("a webhook that is signed is read, from a Request and from headers and bytes", async () => {
  const hook = await signed(OK, { userId: "user|1" });
  const expected = {
    requestId: "r-1",
    gatewayRequestId: "g-2",
    userId: "user|1",
    status: "OK",
    payload: { images: [] },
    error: undefined,
    payloadError: undefined,
    sentAt: clock.now(),
  };
  const { headers, rawBody } = hook;
  const request = () => new Request("https://app.test/hook", { method: "POST", headers, body: rawBody });
  const upper = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toUpperCase(), [value]]),
  );
  for (const form of [
    hook,
    request(),
    { headers: new Headers(headers), rawBody: rawBody.buffer },
    { headers: upper, rawBody: Buffer.from(rawBody) },
    { headers, rawBody: new TextDecoder().decode(rawBody) },
  ]) {
    expect(await receiveWebhook(form, options)).toEqual(expected);
  }
});

test("an error, and a result that is no JSON, are webhooks like others", async () => {
  const error = {
    request_id: "r",
    status: "ERROR",
    error: "Invalid status code: 422",
    payload: { detail: [] },
  };
  expect(await receiveWebhook(await signed(error), options)).toMatchObject({
    status: "ERROR",
    error: "Invalid status code: 422",
    payload: { detail: [] },
    gatewayRequestId: undefined,
  });
  const unreadable = { request_id: "r", status: "OK", payload: null, payload_error: "NaN is not JSON" };
  expect(await receiveWebhook(await signed(unreadable), options)).toMatchObject({
    payload: null,
    payloadError: "NaN is not JSON",
  });
});

// Written against the documentation alone, with another crypto API: an independent signer.
test("the signature is over request id, user id, timestamp and the body's digest, a line each", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const { x = "" } = publicKey.export({ format: "jwk" }) as { x?: string };
  const rawBody = Buffer.from('{"request_id":"r","status":"OK","payload":"ü"}');
  const timestamp = String(clock.now() / 1000);
  const digest = createHash("sha256").update(rawBody).digest("hex");
  const signature = sign(null, Buffer.from(`r\nu\n${timestamp}\n${digest}`), privateKey).toString("hex");
  const headers = {
    "X-Fal-Webhook-Request-Id": "r",
    "X-Fal-Webhook-User-Id": "u",
    "X-Fal-Webhook-Timestamp": timestamp,
    "X-Fal-Webhook-Signature": signature.toUpperCase(),
  };
  const jwks = { keys: [{ x }] };
  expect(await receiveWebhook({ headers, rawBody }, { clock, jwks })).toMatchObject({ payload: "ü" });
});

describe("a webhook is refused", () => {
  const NAMES = ["request-id", "user-id", "timestamp", "signature"].map((name) => `x-fal-webhook-${name}`);

  test.each(NAMES)("without its header %s, or with two of it", async (name) => {
    const { headers, rawBody } = await signed();
    const value = headers[name] ?? "";
    for (const instead of [undefined, "", [], [value, value]]) {
      const error = await failureOf(
        receiveWebhook({ headers: { ...headers, [name]: instead }, rawBody }, options),
      );
      expect(error).toMatchObject({ name: "WebhookError", code: "missing_header", status: 401 });
      expect(String(error)).toContain(name);
    }
    const doubled = await failureOf(
      receiveWebhook({ headers: { ...headers, [name]: `${value}, ${value}` }, rawBody }, options),
    );
    expect(doubled).toMatchObject({ status: 401 });
  });

  test.each(NAMES)("with another header %s than was signed", async (name) => {
    const { headers, rawBody } = await signed();
    const other = (
      await signed("{}", { requestId: "r-2", userId: "u-2", clock: { now: () => clock.now() + 1000 } })
    ).headers[name];
    const error = await failureOf(
      receiveWebhook({ headers: { ...headers, [name]: other }, rawBody }, options),
    );
    expect(error).toMatchObject({ code: "bad_signature", status: 401 });
  });

  test("with a body that differs in a single byte, or by having been written anew", async () => {
    const { headers, rawBody } = await signed('{ "request_id": "r", "status": "OK" }');
    const changed = rawBody.slice();
    changed[3] = (changed[3] ?? 0) ^ 1;
    const anew = JSON.stringify(JSON.parse(new TextDecoder().decode(rawBody)));
    for (const body of [changed, anew, ""]) {
      const error = await failureOf(receiveWebhook({ headers, rawBody: body }, options));
      expect(error).toMatchObject({ code: "bad_signature" });
    }
  });

  test("whatever single thing about it is changed", async () => {
    const { headers, rawBody } = await signed();
    const names = Object.keys(headers).filter((name) => name.startsWith("x-fal"));
    const anyByte = fc.nat(255).filter((byte) => byte !== 0);
    const changes = fc.oneof(
      fc.record({ at: fc.nat(rawBody.length - 1), by: anyByte }).map(({ at, by }) => ({
        headers,
        rawBody: rawBody.map((byte, index) => (index === at ? byte ^ by : byte)),
      })),
      fc
        .record({ name: fc.constantFrom(...names), at: fc.nat(), to: fc.stringMatching(/^[ -~]$/) })
        .map(({ name, at, to }) => {
          const value = headers[name] ?? "";
          const place = at % value.length;
          return {
            rawBody,
            headers: { ...headers, [name]: value.slice(0, place) + to + value.slice(place + 1) },
          };
        }),
    );
    const isSame = (change: { headers: Readonly<Record<string, string>> }) =>
      names.every((name) => change.headers[name]?.toLowerCase() === headers[name]);
    await fc.assert(
      fc.asyncProperty(changes, async (change) => {
        fc.pre(change.rawBody !== rawBody || !isSame(change));
        expect(await failureOf(receiveWebhook(change, options))).toBeInstanceOf(WebhookError);
      }),
      { numRuns: 300 },
    );
  });

  test("signed by anybody else", async () => {
    const forged = await signed(OK, { keys: await webhookKeys() });
    expect(await failureOf(receiveWebhook(forged, options))).toMatchObject({ code: "bad_signature" });
  });

  test.each(["x", "0".repeat(127), "g".repeat(128), "0".repeat(130)])(
    "with the signature %s",
    async (signature) => {
      const { headers, rawBody } = await signed();
      const strange = { ...headers, "x-fal-webhook-signature": signature };
      expect(await failureOf(receiveWebhook({ headers: strange, rawBody }, options))).toMatchObject({
        code: "malformed_header",
      });
    },
  );

  test.each([
    [-300, true],
    [-301, false],
    [300, true],
    [301, false],
  ])("%d s away from its signing: accepted is %s", async (seconds, accepted) => {
    const hook = await signed(OK, { clock: { now: () => clock.now() + seconds * 1000 } });
    const got = await receiveWebhook(hook, options).catch((error: WebhookError) => error.code);
    expect(got).toEqual(accepted ? expect.objectContaining({ requestId: "r-1" }) : "stale_timestamp");
  });

  test.each(["1.7e9", "-1", "", "now", "1767225600.5"])("with the timestamp %s", async (timestamp) => {
    const { headers, rawBody } = await signed();
    const strange = { ...headers, "x-fal-webhook-timestamp": timestamp };
    expect(await failureOf(receiveWebhook({ headers: strange, rawBody }, options))).toMatchObject({
      status: 401,
    });
  });

  test("when its body was parsed or read before, saying how to get at the bytes", async () => {
    const { headers, rawBody } = await signed();
    const read = new Request("https://app.test", { method: "POST", headers, body: rawBody });
    await read.text();
    const express = { headers, body: OK };
    for (const wrong of [read, express, { headers, rawBody: OK }, { headers, rawBody: null }]) {
      const error = await failureOf(receiveWebhook(wrong as never, options));
      expect(error).toMatchObject({
        code: "body_not_raw",
        status: 500,
        message: expect.stringContaining("express.raw"),
      });
    }
  });

  test("when it is signed and is no webhook, without a word of what it says", async () => {
    for (const body of ["", "not json", "[]", '{"request_id":"r","status":"COMPLETED","payload":"secret"}']) {
      const error = await failureOf(receiveWebhook(await signed(body), options));
      expect(error).toMatchObject({ code: "malformed_body", status: 400 });
      expect(String(error)).not.toContain("secret");
      expect((error as Error).cause).toBeUndefined();
    }
  });

  test("when its body is longer than is read, told or not, and the rest is not read", async () => {
    const { headers, rawBody } = await signed({ ...OK, payload: "x".repeat(5_000) });
    const bounds = { ...options, maxBytes: 1_000 };
    const { body, pulled, isCancelled } = pieces(rawBody, 100);
    const unannounced = { method: "POST", headers, body, duplex: "half" };
    const streamed = new Request("https://app.test", unannounced);
    const told = pieces(rawBody, 100);
    const length = { ...headers, "content-length": String(rawBody.length) };
    const announced = { method: "POST", headers: length, body: told.body, duplex: "half" };
    for (const hook of [streamed, new Request("https://app.test", announced), { headers, rawBody }]) {
      expect(await failureOf(receiveWebhook(hook, bounds))).toMatchObject({
        code: "body_too_large",
        status: 413,
        message: expect.stringContaining("maxBytes"),
      });
    }
    expect(pulled()).toBeLessThanOrEqual(1_200);
    expect(told.pulled()).toBeLessThanOrEqual(100); // what a stream reads ahead
    expect([isCancelled(), told.isCancelled()]).toEqual([true, true]);
    // What is as long as that, is read.
    const whole = new Request("https://app.test", { method: "POST", headers, body: rawBody });
    expect(await receiveWebhook(whole, { ...options, maxBytes: rawBody.length })).toMatchObject({
      requestId: "r-1",
    });
  });

  test("when its body drips, and then stops coming", async () => {
    const slow = virtualClock({ auto: false });
    const { headers } = await signed();
    let isCancelled = false;
    const drip = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        await slow.sleep(1_000);
        controller.enqueue(Uint8Array.of(32));
      },
      cancel: () => {
        isCancelled = true;
      },
    });
    const request = { method: "POST", headers, body: drip, duplex: "half" };
    let error: unknown;
    const received = receiveWebhook(new Request("https://app.test", request), { ...options, clock: slow });
    received.catch((thrown: unknown) => {
      error = thrown;
    });
    for (let second = 0; second < 10; second++) {
      expect(error).toBeUndefined();
      await slow.advance(1_000);
    }
    await failureOf(received);
    expect(error).toMatchObject({ code: "body_too_slow", status: 408 });
    expect(isCancelled).toBe(true);
  });

  test.each([{ maxBytes: Number.NaN }, { maxBytes: 0 }, { timeout: Number.NaN }])(
    "never with %j, which bounds nothing",
    async (bounds) => {
      expect(await failureOf(receiveWebhook(await signed(), { ...options, ...bounds }))).toMatchObject({
        code: "invalid_argument",
        message: expect.stringContaining(Object.keys(bounds)[0] ?? ""),
      });
    },
  );

  test("by a WebhookError, whatever the headers are", async () => {
    const nothing = { headers: {}, rawBody: "" } satisfies Parameters<typeof receiveWebhook>[0];
    const error = await failureOf(receiveWebhook(nothing, options));
    expect(error).toBeInstanceOf(WebhookError);
  });
});

test("keys are taken from https or loopback only, and a set must hold one", async () => {
  const wrong: WebhookOptions[] = [
    { jwksUrl: "http://keys.test/jwks.json" },
    { jwksUrl: "file:///etc/jwks.json" },
    { jwksUrl: "jwks.json" },
    { jwks: { keys: [] } },
    { jwks: { keys: [{ x: "AAAA" }] } },
    { jwks: { keys: [{ kty: "RSA" }] } },
  ];
  for (const bad of wrong) {
    expect(await failureOf(receiveWebhook(await signed(), { clock, ...bad }))).toMatchObject({
      code: "invalid_argument",
    });
  }
});
