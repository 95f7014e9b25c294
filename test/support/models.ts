import type { Model } from "fal-chain/emulator";
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
