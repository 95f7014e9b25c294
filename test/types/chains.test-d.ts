import { type Chain, fal, type Run, type RunEvent, type Saved, type Total } from "fal-chain";
import { describe, expectTypeOf, test } from "vitest";

describe("a chain", () => {
  test("infers its input and its output", () => {
    const poster = fal.chain("poster", async (input: { prompt: string }) => {
      const { data } = await fal.subscribe("fal-ai/flux/schnell", { input });
      return { url: data.images[0]!.url, seed: data.seed };
    });
    expectTypeOf(poster).toEqualTypeOf<Chain<{ prompt: string }, { url: string; seed: number }>>();
    const run = poster.start({ prompt: "a fox" }, { id: "a", tags: { customer: "acme" } });
    expectTypeOf(run).toEqualTypeOf<Run<{ url: string; seed: number }>>();
    expectTypeOf<Awaited<typeof run>>().toEqualTypeOf<{ url: string; seed: number }>();
    expectTypeOf(run.total).resolves.toEqualTypeOf<Total>();
    expectTypeOf(run.events()).toExtend<AsyncIterable<RunEvent<{ url: string; seed: number }>>>();
    // @ts-expect-error no input
    poster.start();
    // @ts-expect-error of another type
    poster.start({ prompt: 1 });
  });

  test("without an input is started without one, with or without options", () => {
    const chain = fal.chain("none", async () => 1);
    chain.start();
    chain.start(undefined, { id: "a" });
    fal.chain("maybe", async (input?: { n: number }) => input?.n).start();
  });

  test("gives its function the run: its id, its signal, and a typed subscribe", () => {
    fal.chain("scoped", async (input: { prompt: string }, run) => {
      expectTypeOf(run.id).toEqualTypeOf<string>();
      expectTypeOf(run.signal).toEqualTypeOf<AbortSignal>();
      const { data } = await run.subscribe("fal-ai/flux/schnell", { input });
      expectTypeOf(data.images[0]!.url).toEqualTypeOf<string>();
    });
  });

  test("gives what its output is after JSON", () => {
    const chain = fal.chain("dates", async () => ({ at: new Date(), deep: [{ when: new Date() }] }));
    expectTypeOf<Awaited<ReturnType<typeof chain.start>>>().toEqualTypeOf<{
      at: string;
      deep: { when: string }[];
    }>();
    expectTypeOf(fal.chain("sync", () => 1)).toEqualTypeOf<Chain<unknown, number>>();
  });

  test("refuses an input that would not survive", () => {
    // @ts-expect-error a Date comes back as a string
    fal.chain("date", async (input: { at: Date }) => input.at);
    // @ts-expect-error a Map does not come back
    fal.chain("map", async (input: { all: Map<string, number> }) => input.all.size);
    // @ts-expect-error nor a function
    fal.chain("fn", async (input: { done: () => void }) => input.done());
    fal.chain("plain", async (input: { a?: string; b: (number | null)[]; c: { d: "x" | "y" } }) => input.b);
  });
});

test("Saved is a type after a round trip through JSON", () => {
  expectTypeOf<Saved<string>>().toEqualTypeOf<string>();
  expectTypeOf<Saved<Date>>().toEqualTypeOf<string>();
  expectTypeOf<Saved<{ a: Date; b?: Date }>>().toEqualTypeOf<{ a: string; b?: string }>();
  expectTypeOf<Saved<[Date, 1]>>().toEqualTypeOf<[string, 1]>();
  expectTypeOf<Saved<"a" | null | undefined>>().toEqualTypeOf<"a" | null | undefined>();
  expectTypeOf<Saved<unknown>>().toBeUnknown();
  expectTypeOf<Saved<bigint>>().toBeNever();
});
