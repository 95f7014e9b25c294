import { memoryStore } from "fal-chain";
import { expect, test } from "vitest";
import { world } from "./support.ts";

const ACME = { FAL_KEY: "acme:x", FAL_USER_NICKNAME: "acme", FAL_JOB_ID: "j" };
const lent = (token: string) => ({ headers: { "x-fal-cdn-token": token } });

test("a token that an app of ours issues anew is lent to the next one, and travels back to the caller", async () => {
  const { client, emulator } = world({
    "acme/b": async (_, { headers }) => ({ "x-fal-cdn-token": `${headers.get("x-fal-cdn-token")}+b` }),
    "acme/a": async (fal, request) =>
      fal.withRequest(request, async () => {
        expect(fal.replyHeaders()).toEqual({});
        await fal.subscribe("acme/b", { input: {} });
        await fal.subscribe("other/model", { input: {} });
        const { request_id: requestId } = await fal.queue.submit("acme/b", { input: {} });
        await fal.queue.subscribeToStatus("acme/b", { requestId });
        await fal.queue.result("acme/b", { requestId });
        return fal.replyHeaders();
      }),
  });
  const customer = client("customer", { store: memoryStore() });
  const call = customer.subscribe("acme/a", { input: {}, headers: { "x-fal-cdn-token": "t" } });
  const { response } = await call.withResponse();
  expect(response.headers.get("x-fal-cdn-token")).toBe("t+b+b");
  expect(emulator.jobs.map(({ endpoint, headers }) => [endpoint, headers["x-fal-cdn-token"]])).toEqual([
    ["acme/a", "t"],
    ["acme/b", "t"],
    ["other/model", undefined],
    ["acme/b", "t+b"],
  ]);
});

test("nobody but an app of ours can put a token in the place of the caller's", async () => {
  const { client, emulator, clock } = world();
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const reply = await emulator.fetch(new Request(input, init));
    reply.headers.set("x-fal-cdn-token", "theirs");
    return reply;
  };
  const fal = client("acme", { env: ACME, fetch, clock });
  await fal.withRequest(lent("t"), async () => {
    await fal.subscribe("other/model", { input: {} });
    expect(fal.replyHeaders()).toEqual({});
    await fal.subscribe("acme/own", { input: {} });
    expect(fal.replyHeaders()).toEqual({ "x-fal-cdn-token": "theirs" });
  });
  expect(emulator.jobs[1]?.headers["x-fal-cdn-token"]).toBe("t");
});

test("requests that are answered side by side keep their tokens apart", async () => {
  const { client, emulator } = world({
    "acme/b": async (_, { headers }) => ({ "x-fal-cdn-token": `${headers.get("x-fal-cdn-token")}+b` }),
  });
  const fal = client("acme", { env: ACME });
  const replies = await Promise.all(
    ["t1", "t2", "t3"].map((token) =>
      fal.withRequest(lent(token), async () => {
        await fal.subscribe("acme/b", { input: { token } });
        await fal.subscribe("acme/own", { input: { token } });
        return fal.replyHeaders()["x-fal-cdn-token"];
      }),
    ),
  );
  expect(replies).toEqual(["t1+b", "t2+b", "t3+b"]);
  for (const { endpoint, input, headers } of emulator.jobs) {
    const { token } = input as { token: string };
    expect(headers["x-fal-cdn-token"]).toBe(endpoint === "acme/own" ? `${token}+b` : token);
  }
  expect(fal.replyHeaders()).toEqual({});
});

test("what one client was lent, a client of another account does not pass on to its own apps", async () => {
  const { client, emulator } = world();
  const acme = client("acme", { env: ACME });
  const other = client("other", { env: { ...ACME, FAL_KEY: "other:x", FAL_USER_NICKNAME: "other" } });
  const headers = {
    ...lent("t").headers,
    "x-fal-caller-user-id": "acme",
    baggage: "fal-chain.root-run=a%2F1",
  };
  await acme.withRequest({ headers }, () => other.subscribe("other/model", { input: {} }));
  const received = emulator.jobs[0]?.headers ?? {};
  for (const name of ["x-fal-cdn-token", "baggage", "traceparent"]) expect(received[name]).toBeUndefined();
});

test("what the caller wrote by hand goes along, beside what the client has to say", async () => {
  const { client, emulator } = world();
  const fal = client("acme", { env: ACME });
  const headers = { Traceparent: "mine", Baggage: "a=1,fal-chain.root-job=x", "X-Fal-Cdn-Token": "my-own" };
  await fal.withRequest(lent("t"), () => fal.queue.submit("acme/own", { input: {}, headers }));
  expect(emulator.jobs[0]?.headers).toMatchObject({
    traceparent: "mine",
    baggage: "a=1,fal-chain.root-job=j",
    "x-fal-cdn-token": "my-own",
  });
});

test("a token that nobody lent is given to nobody", async () => {
  const { client, emulator, clock } = world();
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const reply = await emulator.fetch(new Request(input, init));
    reply.headers.set("x-fal-cdn-token", "ours");
    return reply;
  };
  const fal = client("acme", { env: { FAL_KEY: "acme:x", FAL_USER_NICKNAME: "acme" }, fetch, clock });
  const given = await fal.withRequest({ headers: {} }, async () => {
    await fal.subscribe("acme/own", { input: {} });
    return fal.replyHeaders();
  });
  expect(given).toEqual({});
});

test("the reply to a request that was picked up is heard like any other", async () => {
  const { client } = world({
    "acme/b": async (_, { headers }) => ({ "x-fal-cdn-token": `${headers.get("x-fal-cdn-token")}+b` }),
  });
  const fal = client("acme", { env: ACME });
  const given = await fal.withRequest(lent("t"), async () => {
    const { request_id: requestId } = await fal.queue.submit("acme/b", { input: {} });
    await fal.queue.attach("acme/b", { requestId });
    return fal.replyHeaders();
  });
  expect(given).toEqual({ "x-fal-cdn-token": "t+b" });
});
