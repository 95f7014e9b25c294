import { type Context, defineApp, endpoint } from "fal-chain/app";
import { expect, expectTypeOf, test } from "vitest";
import * as z from "zod";
import { ECHO, ENV } from "../support/setup.ts";
import { post, read, site } from "./support.ts";

test("an endpoint's input is checked, its handler has what setup gave, and its calls are of the request", async () => {
  const { fal, emulator, logger } = site();
  const app = defineApp({
    name: "poster",
    ...{ fal, logger },
    setup: async () => ({ style: "in oil" }),
    endpoints: {
      "/": {
        input: z.object({ prompt: z.string(), seed: z.number().default(7) }),
        output: z.object({ prompt: z.string(), seed: z.number() }),
        handler: async ({ prompt, seed }, { state, reply }) => {
          expectTypeOf(state).toEqualTypeOf<{ style: string }>();
          expectTypeOf(seed).toEqualTypeOf<number>();
          await fal.subscribe(ECHO, { input: { prompt } });
          reply.billableUnits = 2;
          return { prompt: `${prompt} ${state.style}`, seed };
        },
      },
    },
  });
  const headers = { "x-fal-request-id": "request-1", "x-fal-caller-user-id": "hash-of-bob" };
  const answer = await read(await post(app, "/", { prompt: "a fox" }, { headers }));
  expect(answer).toEqual({
    status: 200,
    body: { prompt: "a fox in oil", seed: 7 },
    units: "2",
    retry: null,
    stop: null,
  });
  expect(emulator.jobs[0]?.tags).toMatchObject({
    request: "request-1",
    job_id: "runner-1",
    app: "acme/poster",
  });
});

test("costs are told by caller, and by request within a handler, so that they can be charged on", async () => {
  const { fal, logger } = site();
  const app = defineApp({
    name: "poster",
    ...{ fal, logger },
    endpoints: {
      "/": {
        input: z.object({ calls: z.number() }),
        handler: async ({ calls }, { cost, reply, caller }) => {
          for (let n = 0; n < calls; n++) await fal.subscribe(ECHO, { input: { n } });
          const { nanoUsd } = await cost();
          reply.billableUnits = (nanoUsd / 1e9) * 1.5;
          return { nanoUsd, caller };
        },
      },
    },
  });
  const from = (caller: string, id: string) => ({
    headers: { "x-fal-caller-user-id": caller, "x-fal-request-id": id },
  });
  const first = await read(await post(app, "/", { calls: 2 }, from("bob", "request-1")));
  expect(first).toMatchObject({ body: { nanoUsd: 20_000_000, caller: "bob" }, units: "0.03000000" });
  await post(app, "/", { calls: 1 }, from("bob", "request-2"));
  await post(app, "/", { calls: 1 }, from("eve", "request-3"));
  const { rows, total } = await fal.costs({ by: ["caller"] });
  expect(rows.map(({ key, nanoUsd }) => [key["caller"], nanoUsd])).toEqual([
    ["bob", 30_000_000],
    ["eve", 10_000_000],
  ]);
  expect(total.nanoUsd).toBe(40_000_000);
  expect((await fal.costs({ caller: "eve" })).total.calls).toBe(1);
});

test.each([
  ["in a runner", {}],
  ["elsewhere", { env: ENV }],
])("what a run within the request costs is the request's cost too, %s", async (_, options) => {
  const { fal, logger } = site(options);
  const inner = fal.chain("inner", async () => {
    await fal.subscribe(ECHO, { input: {} });
  });
  const handler = async (_input: unknown, { cost }: Pick<Context, "cost">) => {
    await fal.subscribe(ECHO, { input: {} });
    await inner.start();
    return { calls: (await cost()).calls };
  };
  const app = defineApp({ name: "poster", ...{ fal, logger }, endpoints: { "/": { handler } } });
  const headers = { "x-fal-request-id": "request-1" };
  expect((await read(await post(app, "/", {}, { headers }))).body).toEqual({ calls: 2 });
});

test("who is calling is believed of fal's gateway only", async () => {
  const { fal, logger } = site({ env: ENV });
  const app = defineApp({
    name: "poster",
    ...{ fal, logger },
    endpoints: {
      "/": { handler: async (_, { caller }) => ({ ...(await fal.subscribe(ECHO, { input: {} })), caller }) },
    },
  });
  const answer = await read(await post(app, "/", {}, { headers: { "x-fal-caller-user-id": "boss" } }));
  expect(answer.body).not.toHaveProperty("caller");
  expect((await fal.costs({ by: ["caller"] })).rows[0]?.key).toEqual({ caller: undefined });
});

test("a request that fal sends again pays nothing twice", async () => {
  const { fal, emulator, logger } = site();
  let times = 0;
  const app = defineApp({
    name: "poster",
    ...{ fal, logger },
    endpoints: {
      "/": {
        handler: async () => {
          const { data } = await fal.subscribe(ECHO, { input: { n: 1 } });
          times += 1;
          if (times === 1) throw new Error("lost");
          return data;
        },
      },
    },
  });
  const headers = { "x-fal-request-id": "request-1" };
  expect((await post(app, "/", {}, { headers })).status).toBe(500);
  expect((await post(app, "/", {}, { headers })).status).toBe(200);
  expect(emulator.jobs).toHaveLength(1);
});

test("an endpoint in a file of its own is typed by itself", async () => {
  const shout = endpoint({
    input: z.object({ text: z.string() }),
    run: false,
    handler: ({ text }) => text.toUpperCase(),
  });
  const app = defineApp({ name: "shout", setup: () => 5, endpoints: { "/": shout }, logger: { warn() {} } });
  expect(await read(await post(app, "/", { text: "a" }))).toMatchObject({ status: 200, body: "A" });
});
