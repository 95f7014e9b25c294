import { AmbiguousSubmitError } from "fal-chain";
import { describe, expect, test } from "vitest";
import { ECHO, failureOf, setup } from "../support/setup.ts";
import { instead, json, losing, networkError } from "../support/wire.ts";

// Law 2: no submit is repeated after an ambiguous failure.

const reply =
  (status: number, headers: Record<string, string> = {}) =>
  () =>
    json({ detail: "no" }, { status, headers });

const AMBIGUOUS = {
  "a reset connection": () => networkError("ECONNRESET"),
  "a broken pipe": () => networkError("EPIPE"),
  "a server that hangs up": () => networkError("UND_ERR_SOCKET"),
  "headers that never come": () => networkError("UND_ERR_HEADERS_TIMEOUT"),
  "an error that tells nothing": () => new TypeError("fetch failed"),
  "a redirect": reply(307, { location: "https://queue.fal.run/elsewhere" }),
  "a 408": reply(408),
  "a 499": reply(499),
  "a 500": reply(500),
  "a 502": reply(502),
  "a 503 without a type": reply(503),
  "a 503 of another type": reply(503, { "x-fal-error-type": "something_else" }),
  "a 504": reply(504, { "x-fal-error-type": "startup_timeout" }),
  "a 2xx that is no JSON": () => new Response("<html>", { status: 200 }),
  "a 2xx without a request id": () => json({ status: "IN_QUEUE" }),
  "an empty 2xx": () => new Response("", { status: 200 }),
} satisfies Record<string, () => Response | Error>;

describe.each(Object.entries(AMBIGUOUS))("a submit answered by %s", (_, answer) => {
  test.each(["subscribe", "queue.submit"] as const)("is sent once by %s and named ambiguous", async (how) => {
    const { fal, sent } = setup({ wire: instead("submit", answer), retry: { maxRetries: 9 } });
    const error = await failureOf(
      how === "subscribe"
        ? fal.subscribe(ECHO, { input: { prompt: "a fox" } })
        : fal.queue.submit(ECHO, { input: { prompt: "a fox" } }),
    );
    expect(error).toBeInstanceOf(AmbiguousSubmitError);
    expect(error).toMatchObject({ code: "ambiguous_submit", endpoint: ECHO, billed: "unknown" });
    expect(sent.filter(({ method }) => method === "POST")).toHaveLength(1);
  });
});

test("a submit whose answer was lost is accepted once, and never repeated", async () => {
  const { fal, emulator, sent } = setup({
    wire: losing("submit"),
    ambiguousSubmit: "throw",
    retry: { submit: { maxRetries: 9 } },
  });
  await expect(fal.subscribe(ECHO, { input: { prompt: "a fox" } })).rejects.toThrow(AmbiguousSubmitError);
  await fal.close();
  expect(sent.filter(({ method }) => method === "POST")).toHaveLength(1);
  expect(emulator.jobs).toHaveLength(1);
});

test("an ambiguous answer's own request id is on the error", async () => {
  const wire = instead("submit", reply(502, { "x-fal-request-id": "claimed-1" }));
  const { fal } = setup({ wire });
  await expect(fal.subscribe(ECHO, { input: { prompt: "a fox" } })).rejects.toMatchObject({
    requestId: "claimed-1",
  });
});

const REFUSED = {
  "a refused connection": () => networkError("ECONNREFUSED"),
  "an unknown host": () => networkError("ENOTFOUND"),
  "a DNS server that does not answer": () => networkError("EAI_AGAIN"),
  "a connection that is never made": () => networkError("UND_ERR_CONNECT_TIMEOUT"),
  "a bad certificate": () => networkError("CERT_HAS_EXPIRED"),
  "a 429": reply(429),
  "a 503 of a runner that was not reached": reply(503, { "x-fal-error-type": "runner_connection_refused" }),
  "a 503 of a runner that was not found": reply(503, { "x-fal-error-type": "runner_scheduling_failure" }),
} satisfies Record<string, () => Response | Error>;

test.each(Object.entries(REFUSED))("a submit met by %s is repeated, and paid for once", async (_, answer) => {
  const { fal, emulator, sent } = setup({ wire: instead("submit", answer, 3) });
  await fal.subscribe(ECHO, { input: { prompt: "a fox" } });
  expect(sent.filter(({ kind }) => kind === "submit")).toHaveLength(4);
  expect(emulator.jobs).toHaveLength(1);
});
