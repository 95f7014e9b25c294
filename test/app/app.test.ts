import { defineApp, endpoint } from "fal-chain/app";
import { expect, expectTypeOf, test } from "vitest";
import * as z from "zod";
import { ECHO } from "../support/setup.ts";
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
