import { type Colour, hex, turnHue } from "./colour.ts";

export type MoodName = "dawn" | "day" | "dusk" | "night" | "neon" | "winter" | "autumn";

/** The light of a picture, from which everything in it takes its colours. */
export interface Mood {
  readonly name: MoodName;
  /** From the zenith to the horizon. */
  readonly sky: readonly [top: Colour, upper: Colour, lower: Colour, horizon: Colour];
  /** Sun or moon. */
  readonly light: Colour;
  /** How high the light stands: 0 at the horizon, 1 at the zenith. */
  readonly height: number;
  /** What distance fades into. */
  readonly haze: Colour;
  /** The darkest foreground. */
  readonly near: Colour;
  readonly ground: Colour;
  readonly leaves: Colour;
  readonly water: Colour;
  readonly cloud: Colour;
  /** How strongly things are lit, and how dark their other side is. */
  readonly contrast: number;
  readonly stars: number;
}

type Written = Omit<
  Mood,
  "name" | "sky" | "light" | "haze" | "near" | "ground" | "leaves" | "water" | "cloud"
> &
  Record<"light" | "haze" | "near" | "ground" | "leaves" | "water" | "cloud", string> & {
    readonly sky: readonly [string, string, string, string];
  };

const WRITTEN: Readonly<Record<MoodName, Written>> = {
  dawn: {
    sky: ["#34406f", "#8a6f9e", "#f0a18b", "#ffd9a0"],
    light: "#fff0c4",
    height: 0.12,
    haze: "#f3b39a",
    near: "#2b2740",
    ground: "#54506a",
    leaves: "#4a5a5c",
    water: "#5d6a94",
    cloud: "#ffc7b0",
    contrast: 0.75,
    stars: 0.1,
  },
  day: {
    sky: ["#2f7fc4", "#63aee0", "#a9d8ee", "#e6f4f1"],
    light: "#fffbe6",
    height: 0.72,
    haze: "#bfdcea",
    near: "#24402f",
    ground: "#7da556",
    leaves: "#3f7d4a",
    water: "#2f7ea6",
    cloud: "#ffffff",
    contrast: 0.8,
    stars: 0,
  },
  dusk: {
    sky: ["#2b1f52", "#7b3a78", "#e2675f", "#ffb45c"],
    light: "#ffe2a0",
    height: 0.1,
    haze: "#d9776e",
    near: "#211a33",
    ground: "#4a3550",
    leaves: "#453a4d",
    water: "#6b4478",
    cloud: "#ff9a7a",
    contrast: 0.8,
    stars: 0.15,
  },
  night: {
    sky: ["#0a1030", "#152250", "#2a3f74", "#56719b"],
    light: "#f4f1dc",
    height: 0.68,
    haze: "#39527f",
    near: "#0a0f22",
    ground: "#1c2a47",
    leaves: "#16304a",
    water: "#1d3560",
    cloud: "#4a5f8f",
    contrast: 0.6,
    stars: 1,
  },
  neon: {
    sky: ["#0d0824", "#26104a", "#5b1c6e", "#c2417f"],
    light: "#ff8fd0",
    height: 0.2,
    haze: "#6a2a7c",
    near: "#0b0820",
    ground: "#1b1436",
    leaves: "#241a47",
    water: "#2a1450",
    cloud: "#8a3a8e",
    contrast: 0.7,
    stars: 0.4,
  },
  winter: {
    sky: ["#8fb0cc", "#b4cbdc", "#dbe4ea", "#f6ebe2"],
    light: "#fff7e8",
    height: 0.3,
    haze: "#d8e2ea",
    near: "#2c3f4f",
    ground: "#edf3f8",
    leaves: "#45606b",
    water: "#8fb3c7",
    cloud: "#ffffff",
    contrast: 0.6,
    stars: 0,
  },
  autumn: {
    sky: ["#7d9bb5", "#b3bfc0", "#ecd3aa", "#ffe6b8"],
    light: "#fff2cc",
    height: 0.25,
    haze: "#e6c79e",
    near: "#3b2a22",
    ground: "#b0793f",
    leaves: "#c26a2c",
    water: "#7c95a0",
    cloud: "#fff1dc",
    contrast: 0.75,
    stars: 0,
  },
};

/** A mood with its hues turned a little, so that two pictures of the same hour differ. */
export function moodOf(name: MoodName, degrees: number): Mood {
  const written = WRITTEN[name];
  const colour = (code: string) => turnHue(hex(code), degrees);
  const [top, upper, lower, horizon] = written.sky;
  return {
    ...written,
    name,
    sky: [colour(top), colour(upper), colour(lower), colour(horizon)],
    light: hex(written.light),
    haze: colour(written.haze),
    near: colour(written.near),
    ground: colour(written.ground),
    leaves: colour(written.leaves),
    water: colour(written.water),
    cloud: colour(written.cloud),
  };
}
