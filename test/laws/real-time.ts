import { createFal, type FalOptions, systemClock } from "fal-chain";
import { createEmulator } from "fal-chain/emulator";
import { echo } from "../support/models.ts";
import { ENV, type Setup } from "../support/setup.ts";
import { type Wire, wireFetch } from "../support/wire.ts";

/** What a world is made of: a client, and an emulator that it reaches over a wire. */
export type World = (options: FalOptions & { readonly wire?: Wire }) => Pick<Setup, "fal" | "emulator">;

/** A client and an emulator for a database on another clock than theirs: with a virtual one, each lease would be over. */
export const inRealTime: World = ({ wire, ...options }) => {
  const emulator = createEmulator({ models: [echo({ seconds: 0 })] });
  const fal = createFal({
    env: ENV,
    random: () => 0,
    retry: { maxRetries: 3, baseDelay: 0 },
    // A look-up takes a minute.
    ambiguousSubmit: "throw",
    fetch: wireFetch((request) => emulator.fetch(request), { wire, clock: systemClock }),
    ...options,
  });
  return { fal, emulator };
};
