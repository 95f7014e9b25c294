import { type Colour, hex, lighter, mix } from "./colour.ts";

export type MoodName = "dawn" | "day" | "dusk" | "night" | "winter";

const WRITTEN = {
  dawn: {
    sky: ["#34406f", "#8a6f9e", "#f0a18b", "#ffd9a0"],
    light: "#fff0c4",
    haze: "#f3b39a",
    near: "#2b2740",
    ground: "#54506a",
    leaves: "#4a5a5c",
    height: 0.12,
    darkness: 0.1,
  },
  day: {
    sky: ["#2f7fc4", "#63aee0", "#a9d8ee", "#e6f4f1"],
    light: "#fffbe6",
    haze: "#bfdcea",
    near: "#24402f",
    ground: "#7da556",
    leaves: "#3f7d4a",
    height: 0.72,
    darkness: 0,
  },
  dusk: {
    sky: ["#2b1f52", "#7b3a78", "#e2675f", "#ffb45c"],
    light: "#ffe2a0",
    haze: "#d9776e",
    near: "#211a33",
    ground: "#4a3550",
    leaves: "#453a4d",
    height: 0.1,
    darkness: 0.15,
  },
  night: {
    sky: ["#0a1030", "#152250", "#2a3f74", "#56719b"],
    light: "#f4f1dc",
    haze: "#39527f",
    near: "#0a0f22",
    ground: "#1c2a47",
    leaves: "#16304a",
    height: 0.68,
    darkness: 1,
  },
  winter: {
    sky: ["#8fb0cc", "#b4cbdc", "#dbe4ea", "#f6ebe2"],
    light: "#fff7e8",
    haze: "#d8e2ea",
    near: "#2c3f4f",
    ground: "#edf3f8",
    leaves: "#45606b",
    height: 0.3,
    darkness: 0,
  },
} as const satisfies Record<MoodName, unknown>;

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
  const { sky, light, haze, near, ground, leaves, height, darkness } = WRITTEN[name];
  const tint = mix(hex("#4a6ad8"), hex("#d8804a"), warmth);
  const colour = (code: string) => mix(hex(code), tint, 0.1 * Math.abs(warmth - 0.5) * 2);
  return {
    sky: [colour(sky[0]), colour(sky[1]), colour(sky[2]), colour(sky[3])],
    light: hex(light),
    haze: colour(haze),
    near: colour(near),
    ground: colour(ground),
    leaves: colour(leaves),
    water: mix(colour(sky[0]), colour(sky[1]), 0.5),
    cloud: darkness > 0.5 ? colour(haze) : lighter(colour(haze), 0.3),
    height,
    darkness,
  };
}
