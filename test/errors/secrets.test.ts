import fc from "fast-check";
import { expect, test } from "vitest";
import { InvalidArgumentError } from "../../src/errors/arguments.ts";
import { hidden, restoredError, savedError } from "../../src/errors/saved-error.ts";
import {
  lineHider,
  looksLikeKey,
  rememberSecret,
  withoutKeys,
  withoutSecrets,
} from "../../src/errors/secrets.ts";

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");

/** Whatever a server, or a program, may make of a secret that it was given. */
const WAYS: Record<string, (secret: string, before: string, after: string) => string> = {
  "as it is": (secret, before, after) => before + secret + after,
  "in JSON": (secret, before, after) => JSON.stringify(before + secret + after),
  "in a URL": (secret, before, after) =>
    encodeURIComponent(before.toWellFormed() + secret + after.toWellFormed()),
  "in a URL, in small letters": (secret) =>
    encodeURIComponent(secret).replace(/%../g, (byte) => byte.toLowerCase()),
  "in base64": (secret, before, after) => base64(new TextEncoder().encode(before + secret + after)),
  "in base64 for URLs": (secret, before, after) => Buffer.from(before + secret + after).toString("base64url"),
  "as basic authorization": (secret) => `Basic ${base64(new TextEncoder().encode(`user:id:${secret}`))}`,
  "in hexadecimal digits": (secret) => Buffer.from(secret).toString("hex"),
};

test.each(Object.entries(WAYS))("a secret is recognised %s", (_, written) => {
  const secrets = fc.oneof(
    fc.string({ minLength: 12, maxLength: 60, unit: "grapheme-ascii" }),
    fc.uuid(),
    fc.string({ minLength: 12, maxLength: 30, unit: "grapheme" }),
  );
  const around = fc.string({ maxLength: 5 });
  fc.assert(
    fc.property(secrets, fc.uuid(), around, around, (made, own, before, after) => {
      // None is a part of another one.
      const secret = made.toWellFormed() + own;
      rememberSecret(secret);
      const text = written(secret, before, after);
      const hidden = withoutSecrets(text);
      expect(hidden).not.toBe(text);
      expect(hidden).not.toContain(secret);
      // All but what base64 mixes with its neighbours is gone.
      expect(hidden.length).toBeLessThanOrEqual(text.length - Math.floor(secret.length / 2));
    }),
  );
});

test("what looks like a key is quoted by no error, and what does not is", () => {
  const key = "0b3f2a9c-1e4d-4b6a-9c1e-7d2f3a4b5c6d:0123456789abcdef0123456789abcdef";
  for (const text of [
    key,
    `Key ${key}`,
    key.toUpperCase(),
    "my-key-id:s3cr3t-0123456789ab",
    key.replace(":", "%3A"),
  ]) {
    expect(new InvalidArgumentError(`${JSON.stringify(text)} is no endpoint`).message).toMatch(/…:…/);
    expect(withoutKeys(text)).not.toMatch(/0123456789a/i);
    expect(looksLikeKey(text)).toBe(true);
  }
  for (const text of [
    "127.0.0.1:8787",
    "https://fal.run/acme/painter-number-12345678",
    "sqlite:my-very-long-database-name-2026",
    "2026-11-24T12:50:25.000Z",
    "fal-ai/flux/schnell",
    "step:of-a-chain-that-is-long",
    "poster/order-1042",
  ]) {
    expect(withoutKeys(text)).toBe(text);
    expect(looksLikeKey(text)).toBe(false);
  }
});

test("short words are no secrets, and the newest of very many are known", () => {
  rememberSecret("fox");
  expect(withoutSecrets("a fox")).toBe("a fox");
  for (let n = 0; n < 150; n++) rememberSecret(`secret-number-${n}-`);
  expect(withoutSecrets("secret-number-149-")).toBe("…");
  expect(withoutSecrets("secret-number-50-")).toBe("…");
});

test.each(["a-", "0", "aaaaaaaa:", "a1b2c3:", "0b3f2a9c-", "%3a"])("200 KB of %j take no time", (unit) => {
  const text = unit.repeat(200_000 / unit.length);
  const began = performance.now();
  withoutKeys(text);
  looksLikeKey(text);
  expect(performance.now() - began).toBeLessThan(1_500);
});

test("of secrets that are parts of each other nothing is left", () => {
  for (const secret of ["swordfish", "swordfish-of-mine", "of-mine-and-yours"]) rememberSecret(secret);
  expect(withoutSecrets("swordfish-of-mine swordfish")).toBe("… …");
});

test.each(["type", "completed", "TypeError", "unexpected", "failed", "facts", "code"])(
  "a secret that is a word of ours, as %s, spoils nothing that is read back",
  (word) => {
    const hide = (text: string) => text.replaceAll(word, "…");
    const event = { type: "completed", state: "failed", call: { name: "one" } };
    expect(hidden(event, hide)).toEqual(event);
    const error = restoredError(
      hidden(savedError(Object.assign(new TypeError(`no ${word}`), { at: 1 })), hide),
    );
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ name: "TypeError", message: "no …", at: 1 });
  },
);

test("of a secret of many lines no line is shown by itself", () => {
  const hide = lineHider(["-----BEGIN KEY-----\r\nMIIEvQIBADAN\nab\n", "not of several lines"]);
  expect(hide("  MIIEvQIBADAN")).toBe("  …");
  for (const line of ["ab", "about", "not of several lines"]) expect(hide(line)).toBe(line);
});

test("a secret is hidden however long it is", () => {
  const pem = "a line of a key\n".repeat(8_000);
  rememberSecret(pem);
  expect(withoutSecrets(`It is ${pem}.`)).toBe("It is ….");
});
