import { type Model, ModelFailure } from "fal-chain/emulator";
import * as z from "zod";

const Anything = z.looseObject({});

/** A model that gives back what it got, as fast or slow and as talkative as a test needs. */
export const echo = (
  facts: { id?: string; seconds?: number; lines?: readonly string[]; units?: number; price?: number } = {},
): Model<z.output<typeof Anything>> => {
  const { id = "acme/echo", seconds = 2, lines = [], units = 1, price = 0.01 } = facts;
  return {
    id,
    title: id,
    price: { unit: "images", unitPrice: price },
    input: Anything,
    notice: "stand-in",
    takes: [seconds, seconds],
    stages: () => lines,
    run: async (input) => ({ output: { echo: input }, units }),
  };
};

/** A model that always says no, as a model does: field by field. */
export const failing = (): Model<z.output<typeof Anything>> => ({
  ...echo({ id: "acme/failing" }),
  run: async () => {
    throw new ModelFailure(422, [{ loc: ["body", "n"], msg: "No.", type: "value_error", url: "" }]);
  },
});

export const STREAMS = "acme/streams";
export const EVENTS = [{ n: 1 }, 0, { n: 2, text: "ä" }];

/** Gives these events, a second apart. */
export const streaming = (events: readonly unknown[] = EVENTS, more: Partial<Model> = {}): Model => ({
  ...(echo({ id: STREAMS }) as Model),
  async *stream(_, { clock, signal }) {
    for (const event of events) {
      await clock.sleep(1_000, signal);
      yield event;
    }
    return { output: events.at(-1), units: 3 };
  },
  ...more,
});
