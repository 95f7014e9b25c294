import type { StandardSchemaV1 } from "@standard-schema/spec";
import {
  type Call,
  type CallEvent,
  createFal,
  type FalStream,
  fal,
  type Image,
  type Result,
  type SizedImage,
  type StreamOptions,
} from "fal-chain";
import { describe, expectTypeOf, test } from "vitest";
import * as z from "zod";

declare module "fal-chain" {
  interface EndpointTypeMap {
    "acme/painter": { input: { prompt: string; size?: number }; output: { picture: Image } };
  }
}

describe("a known endpoint", () => {
  test("types its output, which is the caller's to change", async () => {
    const { data, requestId, billing } = await fal.subscribe("fal-ai/flux/schnell", {
      input: { prompt: "a fox" },
    });
    expectTypeOf(data.images).toEqualTypeOf<SizedImage[]>();
    expectTypeOf(data.seed).toEqualTypeOf<number>();
    expectTypeOf(requestId).toEqualTypeOf<string>();
    expectTypeOf(billing.units).toEqualTypeOf<number | undefined>();
    data.images = data.images.filter(({ width = 0 }) => width > 512);
    // @ts-expect-error of another type
    data.images.push({ href: "" });
  });

  test("types its input", () => {
    // @ts-expect-error no prompt
    fal.subscribe("fal-ai/flux/schnell", { input: {} });
    // @ts-expect-error a size that is none
    fal.subscribe("fal-ai/flux/schnell", { input: { prompt: "a fox", image_size: "huge" } });
    // @ts-expect-error a mode that is none
    fal.subscribe("fal-ai/flux/schnell", { input: { prompt: "a fox" }, mode: "stream" });
  });

  test("can be added by declaration merging", async () => {
    const { data } = await fal.subscribe("acme/painter", { input: { prompt: "a fox" } });
    expectTypeOf(data).toEqualTypeOf<{ picture: Image }>();
    // @ts-expect-error of another type
    fal.subscribe("acme/painter", { input: { prompt: "a fox", size: "big" } });
  });

  test("takes what its schema says", () => {
    // @ts-expect-error no model that there is
    fal.subscribe("fal-ai/birefnet/v2", { input: { image_url: "x", model: "General Use" } });
    fal.subscribe("fal-ai/birefnet/v2", { input: { image_url: "x", model: "Matting", mask_only: true } });
  });

  test("is typed by the queue and by another client too", async () => {
    const client = createFal({});
    await client.queue.submit("acme/painter", { input: { prompt: "a fox" } });
    const { data } = await client.queue.result("acme/painter", { requestId: "r" });
    expectTypeOf(data).toEqualTypeOf<{ picture: Image }>();
    expectTypeOf(client.queue.attach("acme/painter", { requestId: "r" })).toEqualTypeOf<
      Call<{ picture: Image }>
    >();
  });
});

describe("an unknown endpoint", () => {
  test("is any, since only its caller knows", async () => {
    const { data } = await fal.subscribe("someone/else", { input: { whatever: 1 } });
    expectTypeOf(data).toBeAny();
    const id: string = "a/b";
    expectTypeOf((await fal.subscribe(id, {})).data).toBeAny();
  });

  test("is typed by a schema that the call passes", async () => {
    const output = z.object({ video: z.object({ url: z.string() }), seed: z.string().transform(Number) });
    const { data } = await fal.subscribe("someone/else", { input: {}, output });
    expectTypeOf(data).toEqualTypeOf<{ video: { url: string }; seed: number }>();
  });
});

describe("an endpoint with schemas", () => {
  test("is typed by zod", async () => {
    const Painter = fal.endpoint("someone/painter", {
      input: z.object({ prompt: z.string(), steps: z.number().default(4) }),
      output: z.object({ url: z.url() }),
    });
    const { data } = await fal.subscribe(Painter, { input: { prompt: "a fox" } });
    expectTypeOf(data).toEqualTypeOf<{ url: string }>();
    // @ts-expect-error of another type
    fal.subscribe(Painter, { input: { prompt: "a fox", steps: "four" } });
    const other = await fal.subscribe(Painter, { input: { prompt: "a fox" }, output: z.number() });
    expectTypeOf(other.data).toEqualTypeOf<number>();
  });

  test("is typed by any other Standard Schema", async () => {
    const Text: StandardSchemaV1<{ text: string }, { text: string; words: number }> = {
      "~standard": { version: 1, vendor: "mine", validate: (value) => ({ value: value as never }) },
    };
    const Writer = fal.endpoint("someone/writer", { input: Text, output: Text });
    const { data } = await fal.subscribe(Writer, { input: { text: "" } });
    expectTypeOf(data).toEqualTypeOf<{ text: string; words: number }>();
  });
});

test("a call is a promise of its result and a loop over its events", async () => {
  const call = fal.subscribe("acme/painter", { input: { prompt: "a fox" } });
  expectTypeOf<Awaited<typeof call>>().toEqualTypeOf<Result<{ picture: Image }>>();
  expectTypeOf(call.submitted).resolves.toEqualTypeOf<{ endpoint: string; requestId: string }>();
  expectTypeOf(call.withResponse()).resolves.toEqualTypeOf<{
    result: Result<{ picture: Image }>;
    response: Response;
  }>();
  for await (const event of call) {
    expectTypeOf(event).toEqualTypeOf<CallEvent<{ picture: Image }>>();
    if (event.type === "completed") expectTypeOf(event.result.data.picture.url).toEqualTypeOf<string>();
    if (event.type === "log") expectTypeOf(event.dropped).toEqualTypeOf<number>();
  }
});

describe("a stream", () => {
  test("types its events and its end, as the official client does", async () => {
    const options: StreamOptions<{ prompt: string }> = { input: { prompt: "a fox" }, timeout: 1_000 };
    const stream = await fal.stream("acme/painter", options);
    for await (const event of stream) expectTypeOf(event).toEqualTypeOf<{ picture: Image }>();
    expectTypeOf(stream.done()).resolves.toEqualTypeOf<{ picture: Image }>();
    expectTypeOf(stream).toEqualTypeOf<FalStream<{ prompt: string; size?: number }, { picture: Image }>>();
    stream.on("data", (event: { picture: Image }) => event.picture.url);
    stream.on("done", (event) => event.anything);
    // @ts-expect-error of another type
    fal.stream("acme/painter", { input: { prompt: 1 } });
  });

  test("of an unknown endpoint is cast, or typed by a schema", async () => {
    const stream = await fal.stream("someone/else", { input: {} });
    const last = (await stream.done()) as { output: string };
    expectTypeOf(last.output).toEqualTypeOf<string>();
    const typed = await fal.streaming.stream("someone/else", { output: z.object({ n: z.number() }) });
    expectTypeOf(typed.done()).resolves.toEqualTypeOf<{ n: number }>();
  });
});
