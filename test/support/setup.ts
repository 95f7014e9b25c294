import { createFal, type Fal, type FalOptions } from "fal-chain";
import {
  birefnet,
  createEmulator,
  type Emulator,
  type EmulatorOptions,
  esrgan,
  fluxSchnell,
  type VirtualClock,
  virtualClock,
} from "fal-chain/emulator";
import { echo } from "./models.ts";
import { type Sent, type Wire, wireFetch } from "./wire.ts";

export const KEY = "k3y-id-0a1b2c:s3cr3t-0123456789abcdef";
export const SECRET = "s3cr3t-0123456789abcdef";
export const ENV = { FAL_KEY: KEY };

/** A picture small enough to be drawn at once. */
export const SMALL = { prompt: "a fox", image_size: { width: 64, height: 64 }, seed: 7 } as const;
export const FLUX = "fal-ai/flux/schnell";
/** Draws nothing, so it costs a test no time. */
export const ECHO = "acme/echo";

export interface Setup {
  readonly fal: Fal;
  readonly emulator: Emulator;
  readonly clock: VirtualClock;
  /** Every request that the client sent, oldest first. */
  readonly sent: readonly Sent[];
}

/** A client and an emulator on one virtual clock, and between them a wire that may misbehave. */
export function setup(options: FalOptions & { wire?: Wire; emulator?: EmulatorOptions } = {}): Setup {
  const { wire, emulator: emulated, ...rest } = options;
  const clock = virtualClock();
  const emulator = createEmulator({ clock, models: [echo(), fluxSchnell, esrgan, birefnet], ...emulated });
  const sent: Sent[] = [];
  const fal = createFal({
    env: ENV,
    clock,
    random: () => 0.5,
    fetch: wireFetch((request) => emulator.fetch(request), { wire, sent, clock }),
    ...rest,
  });
  return { fal, emulator, clock, sent };
}

/** Everything a loop sees before it ends, and what it threw. */
export async function collect<E>(events: AsyncIterable<E>): Promise<{ seen: E[]; error?: unknown }> {
  const seen: E[] = [];
  try {
    for await (const event of events) seen.push(event);
    return { seen };
  } catch (error) {
    return { seen, error };
  }
}

/** What a promise rejected with. */
export async function failureOf(promise: PromiseLike<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error("it should have failed");
    },
    (error: unknown) => error,
  );
}
