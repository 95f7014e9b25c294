import { memoryStore, type Outcome, type SavedError, type Ticket } from "fal-chain";
import { expect, test } from "vitest";

const intent = (id: string, at = 1) => ({
  id,
  endpoint: "acme/echo",
  body: '{"prompt":"a fox"}',
  tags: { customer: "acme" },
  chain: undefined,
  run: undefined,
  step: undefined,
  at,
});
const ticket = (requestId: string): Ticket => ({
  endpoint: "acme/echo",
  requestId,
  statusUrl: `https://queue.fal.run/acme/echo/requests/${requestId}/status`,
  responseUrl: `https://queue.fal.run/acme/echo/requests/${requestId}`,
  cancelUrl: `https://queue.fal.run/acme/echo/requests/${requestId}/cancel`,
});
const outcome: Outcome = { data: { n: 1.5 }, units: 1, waitSeconds: 0.1, runSeconds: undefined };
const error: SavedError = { name: "ApiError", code: "api", message: "no", retryable: false, billed: false };

test("a request belongs to one call for ever", async () => {
  const store = memoryStore();
  await store.intend(intent("a"));
  await store.intend(intent("b"));
  await store.submitted("a", ticket("r1"), 2);
  await store.submitted("a", ticket("r1"), 3);
  await expect(store.submitted("b", ticket("r1"), 3)).rejects.toMatchObject({ code: "request_claimed" });
  await expect(store.submitted("a", ticket("r2"), 3)).rejects.toThrow("Call a is request r1 already");
  expect(await store.call("a")).toMatchObject({ state: "submitted", submittedAt: 2 });
  expect(await store.call("b")).toMatchObject({ state: "intended" });
});

test("a result is final; what was in doubt, failed or was given up may still become one", async () => {
  const store = memoryStore();
  for (const doubt of ["ambiguous", "failed", "givenUp"] as const) {
    await store.intend(intent(doubt));
    if (doubt === "failed") await store.failed(doubt, error, 2);
    else await store[doubt](doubt, "why", 2);
    await store.submitted(doubt, ticket(`r-${doubt}`), 3);
    await store.completed(doubt, outcome, 4);
    await store.failed(doubt, error, 5);
    await store.givenUp(doubt, "late", 5);
    expect(await store.call(doubt)).toMatchObject({ state: "completed", outcome, endedAt: 4 });
  }
});

test("an id that was never intended is an error", async () => {
  await expect(memoryStore().completed("x", outcome, 1)).rejects.toThrow("no call x");
});

test("calls are listed newest first, by any of their facts", async () => {
  const store = memoryStore();
  for (const id of ["a", "b", "c"]) await store.intend(intent(id, id.charCodeAt(0)));
  await store.submitted("b", ticket("r1"), 200);
  const ids = async (query: Parameters<typeof store.calls>[0]) =>
    (await store.calls(query)).map(({ id }) => id);
  expect(await ids({})).toEqual(["c", "b", "a"]);
  expect(await ids({ limit: 2 })).toEqual(["c", "b"]);
  expect(await ids({ state: "intended" })).toEqual(["c", "a"]);
  expect(await ids({ requestId: "r1" })).toEqual(["b"]);
  expect(await ids({ since: 98 })).toEqual(["c", "b"]);
  expect(await ids({ endpoint: "acme/other" })).toEqual([]);
});

test("ended calls are forgotten oldest first beyond the bound; open and doubtful ones never", async () => {
  const store = memoryStore({ keepEnded: 2 });
  for (const id of ["doubt", "open"]) await store.intend(intent(id));
  await store.ambiguous("doubt", "ECONNRESET", 1);
  for (let n = 1; n <= 4; n++) {
    await store.intend(intent(`done-${n}`));
    await store.completed(`done-${n}`, outcome, n);
  }
  const left = (await store.calls()).map(({ id }) => id);
  expect(left).toEqual(["done-4", "done-3", "open", "doubt"]);
});
