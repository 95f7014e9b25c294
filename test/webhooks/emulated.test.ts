import { createFal } from "fal-chain";
import { createEmulator, type FaultText, virtualClock } from "fal-chain/emulator";
import { receiveWebhook, type Webhook, WebhookError } from "fal-chain/webhooks";
import { describe, expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { ECHO, ENV } from "../support/setup.ts";

/** An app that submits with a webhook and answers it, and the platform, in one process and on one clock. */
function world() {
  const clock = virtualClock();
  const received: Webhook[] = [];
  const refused: string[] = [];
  const come: Request[] = [];
  const onHook = async (request: Request): Promise<Response> => {
    come.push(request);
    try {
      received.push(await receiveWebhook(request, { fetch: toPlatform, clock }));
      return new Response(null, { status: 204 });
    } catch (error) {
      if (!(error instanceof WebhookError)) throw error;
      refused.push(error.code);
      return new Response(null, { status: error.status });
    }
  };
  const emulator = createEmulator({
    clock,
    models: [echo()],
    fetch: (input, init) => onHook(new Request(input, init)),
  });
  const toPlatform: typeof fetch = (input, init) => emulator.fetch(new Request(input, init));
  const fal = createFal({ env: ENV, clock, fetch: toPlatform });
  const submit = (fault?: FaultText) =>
    fal.queue.submit(ECHO, {
      input: { prompt: "a fox" },
      webhookUrl: "https://app.test/hook",
      ...(fault && { headers: { "x-emulator-fault": fault } }),
    });
  /** Checking a signature takes real time, which a virtual clock does not wait for. */
  const attempts = async (count: number) => {
    while (emulator.hooks.length < count) await new Promise((resolve) => setImmediate(resolve));
  };
  const checked = async (count: number) => {
    while (received.length + refused.length < count) await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, emulator, submit, attempts, come, checked, received, refused };
}

test("what the emulator posts is received, and acknowledged once", async () => {
  const { clock, emulator, submit, attempts, received } = world();
  const { request_id: requestId } = await submit();
  await attempts(1);
  await clock.sleep(3_600_000);
  expect(received).toMatchObject([{ requestId, status: "OK", payload: { echo: { prompt: "a fox" } } }]);
  expect(emulator.hooks.map(({ status }) => status)).toEqual([204]);
});

describe("a webhook that is", () => {
  test("forged is refused each time", async () => {
    const { submit, attempts, received, refused } = world();
    await submit("hook-forged");
    await attempts(3);
    expect(received).toEqual([]);
    expect(refused.slice(0, 3)).toEqual(Array(3).fill("bad_signature"));
  });

  test("without payload says why", async () => {
    const { submit, attempts, received } = world();
    await submit("hook-unreadable");
    await attempts(1);
    expect(received).toMatchObject([{ payload: null, payloadError: expect.any(String) }]);
  });

  test("about a failure holds the error's status and body", async () => {
    const { submit, attempts, received } = world();
    await submit("completed-with-error; status=422; error=too dark");
    await attempts(1);
    const detail = [{ loc: ["body"], msg: "too dark" }];
    expect(received).toMatchObject([
      { status: "ERROR", error: "Invalid status code: 422", payload: { detail } },
    ]);
  });

  test("earlier than the answer to the submit names the same request", async () => {
    const { submit, come, checked, received } = world();
    const { request_id: requestId } = await submit("hook-first");
    expect(come).toHaveLength(1);
    await checked(1);
    expect(received).toMatchObject([{ requestId }]);
  });
});
