import { type Intent, memoryStore, type Store } from "fal-chain";
import { expect, test } from "vitest";
import { ECHO, failureOf, type Setup, setup } from "../support/setup.ts";
import { instead, losing, networkError } from "../support/wire.ts";

const input = { prompt: "a fox" };
const posts = ({ sent }: Setup) => sent.filter(({ kind }) => kind === "submit").length;

/** A client whose first submit is lost on the way back, and not looked up. */
async function inDoubt(options: Parameters<typeof setup>[0] = {}) {
  const store = { ...memoryStore(), durable: true };
  const made = setup({ wire: losing("submit", 1), ambiguousSubmit: "throw", store, ...options });
  const error = await failureOf(made.fal.subscribe(ECHO, { input, tags: { customer: "acme" } }));
  const id = (error as { callId: string }).callId;
  return { ...made, error, id, requestId: made.emulator.jobs[0]?.requestId ?? "none", store: store as Store };
}

test("an ambiguous submit names its call and says how to settle it, where the store is kept", async () => {
  const { error, id } = await inDoubt();
  expect(String(error)).toContain(
    `fal.calls.settle("${id}", …), or fal-chain calls settle ${id} with --adopt`,
  );
  const forgotten = await inDoubt({ store: memoryStore() });
  expect(forgotten.id).toBeDefined();
  expect(String(forgotten.error)).not.toContain("settle");
});

test("adopt claims the request, and collect gives its result: one POST", async () => {
  const made = await inDoubt();
  const { fal, id, requestId } = made;
  expect((await fal.calls.settle(id, { adopt: requestId })).record).toMatchObject({
    state: "submitted",
    ticket: { requestId },
  });
  const call = fal.calls.collect(id);
  expect(await call.submitted).toEqual({ endpoint: ECHO, requestId });
  expect((await call).data).toEqual({ echo: input });
  await fal.close();
  expect(await fal.calls.get(id)).toMatchObject({ state: "completed", cost: { nanoUsd: 10_000_000 } });
  expect([posts(made), made.emulator.jobs.length]).toEqual([1, 1]);
});

test("a completed call is collected from the store, without the network", async () => {
  const made = setup();
  const { data, requestId, billing } = await made.fal.subscribe(ECHO, { input });
  await made.fal.close();
  const [{ id } = { id: "none" }] = await made.fal.calls.list({ endpoint: ECHO });
  const before = made.sent.length;
  expect(await made.fal.calls.collect(id)).toMatchObject({ data, requestId, billing });
  expect(made.sent).toHaveLength(before);
});

test("adopt refuses what fal does not know, what had another input, what was sent before, and what is another's", async () => {
  const { fal, id, requestId, clock, store } = await inDoubt();
  const refusal = async (adopt: string) => String(await failureOf(fal.calls.settle(id, { adopt })));
  expect(await refusal("nobody")).toMatch(/cannot be request nobody: neither fal's queue nor .* has it/);
  expect(await refusal("../x")).toContain("is not a request id");

  const other = await fal.subscribe(ECHO, { input: { prompt: "a cat" } });
  expect(await refusal(other.requestId)).toMatch(/that one had another input\.$/);
  expect(await refusal(other.requestId)).not.toContain("a cat");
  const equal = await fal.subscribe(ECHO, { input });
  expect(await failureOf(fal.calls.settle(id, { adopt: equal.requestId }))).toMatchObject({
    code: "request_claimed",
  });

  const at = clock.now() + 3_600_000;
  await store.calls.intend({ ...(await store.calls.get(id)), id: "later", at } as Intent);
  await store.calls.ambiguous("later", "ECONNRESET", at);
  expect(String(await failureOf(fal.calls.settle("later", { adopt: requestId })))).toContain(
    "that one was sent before the call was made",
  );
  expect((await fal.calls.get(id))?.state).toBe("ambiguous");
});

test("adopt works without permission to read history, by what the queue knows", async () => {
  const { fal, id, requestId } = await inDoubt({ emulator: { history: { forbidden: true } } });
  expect((await fal.calls.settle(id, { adopt: requestId })).record.state).toBe("submitted");
});

test("a call whose input something else has changed is adopted, or given up, and not sent again", async () => {
  const changed = (store: Store): Store => {
    const get: Store["calls"]["get"] = async (id) => {
      const call = await store.calls.get(id);
      return call && { ...call, body: "{" };
    };
    return { ...store, durable: true, calls: { ...store.calls, get } };
  };
  const made = await inDoubt({ store: changed(memoryStore()) });
  const { fal, id, requestId } = made;
  const error = await failureOf(fal.calls.settle(id, "resubmit"));
  expect(error).toMatchObject({ code: "call_state", message: expect.stringContaining("is not JSON") });
  await fal.calls.settle(id, { adopt: requestId });
  expect((await fal.calls.collect(id)).data).toEqual({ echo: input });
  expect(posts(made)).toBe(1);
});

test("resubmit sends the same body and tags as a new call, once", async () => {
  const made = await inDoubt({ wire: instead("submit", () => networkError("ECONNRESET"), 1) });
  const { fal, id, emulator } = made;
  const both = await Promise.all([1, 2].map(() => fal.calls.settle(id, "resubmit")));
  const [first, second] = await Promise.allSettled(both.map(({ call }) => call));
  expect(first).toMatchObject({ value: { data: { echo: input } } });
  expect(second).toMatchObject({ reason: { code: "store", message: expect.stringContaining("already") } });
  expect(await failureOf(fal.calls.settle(id, "resubmit"))).toMatchObject({ code: "call_state" });
  await fal.close();
  expect([posts(made), emulator.jobs.length]).toEqual([2, 1]);
  expect(emulator.jobs[0]?.tags).toMatchObject({ customer: "acme" });
  const calls = await fal.calls.list();
  expect(calls.map(({ state, givenUp }) => [state, givenUp])).toEqual([
    ["completed", undefined],
    ["given-up", "resubmit"],
  ]);
  expect(calls[0]).toMatchObject({ for: { userTags: { customer: "acme" } }, body: JSON.stringify(input) });
});

test("a call within a run is only marked: its next resume submits it", async () => {
  const made = setup({
    wire: instead("submit", () => networkError("ECONNRESET"), 1),
    ambiguousSubmit: "throw",
    store: { ...memoryStore(), durable: true },
  });
  const chain = made.fal.chain("one", async () => (await made.fal.subscribe(ECHO, { input })).data);
  const error = await failureOf(chain.start(undefined, { id: "r" }));
  const { callId } = error as { callId: string };
  const { record, call } = await made.fal.calls.settle(callId, "resubmit");
  expect([record.state, record.givenUp, call]).toEqual(["given-up", "resubmit", undefined]);
  expect(posts(made)).toBe(1);
  expect(await chain.resume("r")).toEqual({ echo: input });
  expect(made.emulator.jobs).toHaveLength(1);
});

test("give-up leaves it, and what was given up in doubt can still be settled", async () => {
  const { fal, id, requestId } = await inDoubt();
  expect((await fal.calls.settle(id, "give-up")).record.state).toBe("given-up");
  expect((await fal.calls.settle(id, { adopt: requestId })).record.state).toBe("submitted");
  expect((await fal.calls.collect(id)).requestId).toBe(requestId);
});

test("what cannot be settled or collected says why, and what can be done", async () => {
  const { fal, id, requestId, store, clock } = await inDoubt();
  const refusal = async (promise: PromiseLike<unknown>) => String(await failureOf(promise));
  expect(await refusal(fal.calls.settle("nobody", "give-up"))).toContain('has no call "nobody"');
  expect(await refusal(fal.calls.collect("nobody"))).toContain('has no call "nobody"');
  expect(await refusal(fal.calls.settle(id, "what" as never))).toContain(
    '{ adopt: requestId }, "resubmit" or',
  );
  expect(await refusal(fal.calls.collect(id))).toContain(`is ambiguous and has no request to collect`);
  await fal.calls.settle(id, { adopt: requestId });
  expect(await refusal(fal.calls.settle(id, "resubmit"))).toContain(`is request ${requestId}, so`);

  const intent = { ...(await store.calls.get(id)), id: "i", key: undefined, at: clock.now() } as Intent;
  await store.calls.intend(intent);
  expect(await refusal(fal.calls.settle("i", "resubmit"))).toContain("may be on its way");
  await clock.sleep(15 * 60_000);
  expect((await fal.calls.settle("i", "give-up")).record.state).toBe("given-up");

  const get = async (id: string) => ({ ...(await store.calls.get(id)), body: undefined });
  const bodiless = { ...store, calls: { ...store.calls, get } };
  const ids = setup({ store: bodiless as never, clock });
  expect(await refusal(ids.fal.calls.settle("i", "resubmit"))).toContain("the store keeps ids only");
});

test("a failed call is not waited for again where it is not billed", async () => {
  const { fal } = setup({ wire: instead("submit", () => Response.json({ detail: "no" }, { status: 422 })) });
  await failureOf(fal.subscribe(ECHO, { input }));
  const [{ id } = { id: "none" }] = await fal.calls.list({ state: "failed" });
  expect(await failureOf(fal.calls.collect(id))).toBeDefined();
});
