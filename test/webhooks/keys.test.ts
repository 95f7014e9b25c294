import { virtualClock } from "fal-chain/emulator";
import { type Jwks, receiveWebhook, signWebhook, webhookKeys } from "fal-chain/webhooks";
import { expect, test } from "vitest";
import { failureOf } from "../support/setup.ts";

const [first, second, stranger] = await Promise.all([webhookKeys(), webhookKeys(), webhookKeys()]);
const DAY_MS = 24 * 60 * 60_000;

/** A receiver of hooks, and fal's key server, which counts. */
function receiver(publish: () => Jwks | Response | Error) {
  const clock = virtualClock({ auto: false });
  const asked: string[] = [];
  const fetch: typeof globalThis.fetch = async (url, init) => {
    asked.push(String(url));
    // A framework's copy of them would outlive fal's change of keys.
    expect(init?.cache).toBe("no-store");
    const answer = publish();
    if (answer instanceof Error) throw answer;
    return answer instanceof Response ? answer.clone() : Response.json(answer);
  };
  const receive = async (keys = first) => {
    const hook = await signWebhook({ request_id: "r", status: "OK", payload: 1 }, { keys, clock });
    const received = receiveWebhook(hook, { fetch, clock });
    return received.then(
      () => "received",
      (error: { code: string }) => error.code,
    );
  };
  return { clock, asked, receive, fetch };
}

test("fal's keys are asked for once, and for no longer than a day", async () => {
  const { clock, asked, receive } = receiver(() => first.jwks);
  expect(await Promise.all([receive(), receive(), receive()])).toEqual(["received", "received", "received"]);
  expect(asked).toEqual(["https://rest.fal.ai/.well-known/jwks.json"]);
  await clock.advance(DAY_MS - 1);
  await receive();
  expect(asked).toHaveLength(1);
  await clock.advance(1);
  await receive();
  expect(asked).toHaveLength(2);
});

test("keys that never end are not read to their end", async () => {
  let sent = 0;
  const endless = () =>
    new Response(
      new ReadableStream<Uint8Array>({
        pull(controller) {
          sent += 65_536;
          controller.enqueue(new Uint8Array(65_536).fill(32));
        },
      }),
    );
  const clock = virtualClock({ auto: false });
  const hook = await signWebhook({ request_id: "r", status: "OK", payload: 1 }, { keys: first, clock });
  const error = await failureOf(receiveWebhook(hook, { fetch: async () => endless(), clock }));
  expect(error).toMatchObject({ code: "keys_unavailable" });
  expect(sent).toBeLessThan(2 ** 21);
});

test("any key of several fits, and those of other algorithms are left alone", async () => {
  const others = [{ kty: "RSA", n: "AQAB" }, { kty: "OKP", crv: "X25519", x: "AA" }, ...second.jwks.keys];
  const { receive } = receiver(() => ({ keys: [...others, ...first.jwks.keys] }));
  expect([await receive(first), await receive(second)]).toEqual(["received", "received"]);
});

test("where no key fits, the keys are asked for anew, since fal may have changed them", async () => {
  let jwks = first.jwks;
  const { clock, asked, receive } = receiver(() => jwks);
  await receive();
  jwks = second.jwks;
  await clock.advance(60_000);
  expect(await receive(second)).toBe("received");
  expect(await receive(first)).toBe("bad_signature");
  expect(asked).toHaveLength(2);
});

test("forged hooks make no more than one request a minute", async () => {
  const { clock, asked, receive } = receiver(() => first.jwks);
  for (let second_ = 0; second_ < 180; second_++) {
    expect(await Promise.all([receive(stranger), receive(stranger)])).toEqual([
      "bad_signature",
      "bad_signature",
    ]);
    await clock.advance(1_000);
  }
  expect(asked).toHaveLength(3);
  expect(await receive(first)).toBe("received");
});

test.each<[string, () => Response | Error]>([
  ["broken", () => new TypeError("fetch failed")],
  ["busy", () => new Response("", { status: 503 })],
  ["moved", () => new Response(null, { status: 302, headers: { location: "https://evil.test" } })],
  ["a captive portal", () => new Response("<html>")],
  ["empty", () => Response.json({ keys: [] })],
])("a key server that is %s decides nothing, is spared, and is asked again later", async (_, answer) => {
  let works = false;
  const { clock, asked, receive } = receiver(() => (works ? first.jwks : answer()));
  expect([await receive(), await receive(stranger), await receive()]).toEqual(
    Array(3).fill("keys_unavailable"),
  );
  expect(asked).toHaveLength(1);
  works = true;
  await clock.advance(60_000);
  expect([await receive(), await receive(stranger)]).toEqual(["received", "bad_signature"]);
});

test("keys that are too old are not used, even where no new ones can be had", async () => {
  let works = true;
  const { clock, receive } = receiver(() => (works ? first.jwks : new Error("down")));
  await receive();
  works = false;
  await clock.advance(DAY_MS);
  expect(await receive()).toBe("keys_unavailable");
});

test("a key server that never answers is given ten seconds", async () => {
  const clock = virtualClock({ auto: false });
  const hook = await signWebhook({ request_id: "r", status: "OK" }, { keys: first, clock });
  const failure = failureOf(receiveWebhook(hook, { clock, fetch: () => new Promise(() => {}) }));
  while (clock.sleepers === 0) await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(10_000);
  expect(await failure).toMatchObject({ code: "keys_unavailable", retryable: true, status: 503 });
  expect(clock.sleepers).toBe(0);
});
