import type { Random } from "../../model/random.ts";
import type { Breathe } from "../picture/picture.ts";
import type { Canvas } from "./canvas.ts";
import type { Mood } from "./moods.ts";
import type { Noise } from "./noise.ts";
import type { Motif } from "./words.ts";

/** Everything that the parts of a picture need to know about it. */
export interface Scene {
  readonly prompt: string;
  readonly canvas: Canvas;
  readonly mood: Mood;
  readonly motif: Motif;
  readonly random: Random;
  readonly noise: Noise;
  readonly breathe: Breathe;
  /** Row of the horizon. */
  readonly horizon: number;
  /** Where the sun or moon stands. */
  readonly sun: { readonly x: number; readonly y: number };
  /** Where the subject stands: the middle of its foot, and how tall it may be. */
  readonly stand: { readonly x: number; readonly size: number };
  /** The shorter side: lengths are shares of it, so that a picture looks alike at every size. */
  readonly unit: number;
}
