import { type Context, defineApp, endpoint, runner, secrets } from "fal-chain/app";
import { expectTypeOf, test } from "vitest";
import * as z from "zod";

const Input = z.object({ prompt: z.string(), seed: z.number().default(7) });
const Output = z.object({ url: z.string(), at: z.string().transform((text) => text.length) });

const apart = endpoint({ input: Input, handler: ({ prompt }) => prompt });
const others = endpoint({ handler: (_, { state }: Context<{ m: string }>) => state.m });

test("a handler has its input as the schema makes it, what setup gave, and answers what the schema takes", () => {
  const app = defineApp({
    name: "ads",
    secrets: { DATABASE_URL: z.url(), WORKERS: z.coerce.number() },
    setup: async ({ secrets, signal }) => {
      expectTypeOf(secrets).toEqualTypeOf<{ readonly DATABASE_URL: string; readonly WORKERS: number }>();
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
      return { workers: secrets.WORKERS };
    },
    endpoints: {
      "/": {
        input: Input,
        output: Output,
        handler: async (input, { state, caller, reply }) => {
          expectTypeOf(input).toEqualTypeOf<{ prompt: string; seed: number }>();
          expectTypeOf(state).toEqualTypeOf<{ workers: number }>();
          expectTypeOf(caller).toEqualTypeOf<string | undefined>();
          reply.billableUnits = 1;
          return { url: "", at: "" };
        },
      },
      "/no-output": { input: Input, handler: ({ seed }, { state }) => seed + state.workers },
      "/no-input": {
        output: z.object({ n: z.number() }),
        handler: (input, { state }) => {
          expectTypeOf(input).toEqualTypeOf<unknown>();
          return { n: state.workers };
        },
      },
      "/stream": {
        input: Input,
        output: z.object({ n: z.number() }),
        async *handler({ prompt }, { state }) {
          yield { n: prompt.length + state.workers };
        },
      },
      "/response": { output: z.object({ n: z.number() }), handler: () => new Response("png") },
      "/apart": apart,
    },
    handleExit: ({ workers }) => expectTypeOf(workers).toEqualTypeOf<number>(),
    teardown: ({ workers }) => expectTypeOf(workers).toEqualTypeOf<number>(),
  });
  expectTypeOf(app.start).returns.resolves.toEqualTypeOf<{ workers: number }>();
});

test("an answer that its schema does not take is an error, and so is a state that setup does not give", () => {
  defineApp({
    name: "ads",
    // @ts-expect-error a number is no url
    endpoints: { "/": { output: Output, handler: async () => ({ url: 5, at: "" }) } },
  });
  defineApp({
    name: "ads",
    endpoints: {
      "/": {
        output: z.object({ n: z.number() }),
        // @ts-expect-error an event without its number
        async *handler() {
          yield { m: 1 };
        },
      },
    },
  });
  defineApp({
    name: "ads",
    setup: () => ({ n: 1 }),
    endpoints: {
      "/": {
        // @ts-expect-error there is no such part of the state
        handler: (_, { state }) => state.m,
      },
    },
  });
  defineApp({
    name: "ads",
    setup: () => ({ n: 1 }),
    endpoints: {
      // @ts-expect-error it was written for another app
      "/": others,
    },
  });
  // @ts-expect-error without a handler
  endpoint({ input: Input });
});

test("the runner's facts may be absent, and secrets are what their schemas make", () => {
  expectTypeOf(runner.jobId).toEqualTypeOf<string | undefined>();
  expectTypeOf(runner.dataDir).toEqualTypeOf<string>();
  expectTypeOf(runner.state).toEqualTypeOf<"SETUP" | "RUNNING" | "TERMINATING" | undefined>();
  expectTypeOf(secrets({ A: z.coerce.number() }).A).toEqualTypeOf<number>();
});
