import { type Colour, hex, lighter, mix } from "./colour.ts";

export type MoodName = "dawn" | "day" | "dusk" | "night" | "winter";

/** The nine colours of a mood in the order below, then its height and its darkness. */
const TABLE: Readonly<Record<MoodName, readonly [colours: string, height: number, darkness: number]>> = {
  dawn: ["#34406f #8a6f9e #f0a18b #ffd9a0 #fff0c4 #f3b39a #2b2740 #54506a #4a5a5c", 0.12, 0.1],
  day: ["#2f7fc4 #63aee0 #a9d8ee #e6f4f1 #fffbe6 #bfdcea #24402f #7da556 #3f7d4a", 0.72, 0],
  dusk: ["#2b1f52 #7b3a78 #e2675f #ffb45c #ffe2a0 #d9776e #211a33 #4a3550 #453a4d", 0.1, 0.15],
  night: ["#0a1030 #152250 #2a3f74 #56719b #f4f1dc #39527f #0a0f22 #1c2a47 #16304a", 0.68, 1],
  winter: ["#8fb0cc #b4cbdc #dbe4ea #f6ebe2 #fff7e8 #d8e2ea #2c3f4f #edf3f8 #45606b", 0.3, 0],
};

/** The light of a picture, from which everything in it takes its colours. */
export interface Mood {
  /** From the zenith to the horizon. */
  readonly sky: readonly [top: Colour, upper: Colour, lower: Colour, horizon: Colour];
  /** Sun or moon. */
  readonly light: Colour;
  /** What distance fades into. */
  readonly haze: Colour;
  /** The darkest foreground. */
  readonly near: Colour;
  readonly ground: Colour;
  readonly leaves: Colour;
  readonly water: Colour;
  readonly cloud: Colour;
  /** How high the light stands: 0 at the horizon, 1 at the zenith. */
  readonly height: number;
  /** 0 by day, 1 at night: how many stars are out, and how dim things are. */
  readonly darkness: number;
}

/** A mood a little warmer or colder, so that two pictures of the same hour differ: `warmth` is from 0 to 1. */
export function moodOf(name: MoodName, warmth: number): Mood {
  const [codes, height, darkness] = TABLE[name];
  const tint = hex(warmth > 0.5 ? "#d8804a" : "#4a6ad8");
  const colours = codes.split(" ").map((code) => mix(hex(code), tint, 0.2 * Math.abs(warmth - 0.5)));
  const [top, upper, lower, low, light, haze, near, ground, leaves] = colours as Nine;
  return {
    ...{ sky: [top, upper, lower, low], light, haze, near, ground, leaves, height, darkness },
    water: mix(top, upper, 0.5),
    cloud: darkness > 0.5 ? haze : lighter(haze, 0.3),
  };
}

type Nine = [Colour, Colour, Colour, Colour, Colour, Colour, Colour, Colour, Colour];
