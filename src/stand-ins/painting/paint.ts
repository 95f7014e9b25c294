import { randomFrom } from "../../model/random.ts";
import type { Breathe, Picture, Size } from "../picture/picture.ts";
import { createCanvas, develop } from "./canvas.ts";
import { paintForest, paintGround, paintRange, paintSnowfall } from "./land.ts";
import { moodOf } from "./moods.ts";
import { noiseFrom } from "./noise.ts";
import type { Scene } from "./scene.ts";
import { paintSea } from "./sea.ts";
import { paintSky } from "./sky.ts";
import { fox } from "./subjects/fox.ts";
import { lighthouse } from "./subjects/lighthouse.ts";
import { tree } from "./subjects/tree.ts";
import { readPrompt } from "./words.ts";

const SUBJECTS = { lighthouse, fox, tree };

/** Paints a picture that depends on the prompt and the seed alone: same words, same seed, same pixels. */
export async function paint(prompt: string, seed: number, size: Size, breathe: Breathe): Promise<Picture> {
  const scene = arrange(prompt, seed, size, breathe);
  await paintSetting(scene);
  // Behind the subject, whose edge stays clean.
  if (scene.motif.snow) paintSnowfall(scene);
  SUBJECTS[scene.motif.subject](scene);
  await breathe();
  return develop(scene.canvas, scene.random);
}

/** What is shown depends on the prompt; the seed only arranges it. */
function arrange(prompt: string, seed: number, { width, height }: Size, breathe: Breathe): Scene {
  const motif = readPrompt(prompt, randomFrom("motif", prompt));
  const random = randomFrom("picture", prompt, seed);
  const mood = moodOf(motif.mood, random());
  const unit = Math.min(width, height);
  const horizon = height * (motif.setting === "sea" ? 0.62 : 0.66) + (random() - 0.5) * unit * 0.05;
  const side = random() < 0.5 ? -1 : 1;
  return {
    ...{ prompt, motif, mood, random, unit, horizon, breathe },
    canvas: createCanvas(width, height),
    noise: noiseFrom(random),
    sun: {
      x: width * (0.5 + side * (0.27 + random() * 0.08)),
      y: horizon * (1 - mood.height - 0.04 * random()),
    },
    stand: { x: width * (0.5 - side * (0.02 + random() * 0.07)), size: unit * (0.6 + random() * 0.1) },
  };
}

/** The background: everything but the subject. */
async function paintSetting(scene: Scene): Promise<void> {
  const { horizon, unit } = scene;
  await paintSky(scene);
  switch (scene.motif.setting) {
    case "sea":
      return paintSea(scene);
    case "forest":
      await paintRange(scene, { layers: 1, rise: 0.14 });
      await paintForest(scene);
      return paintGround(scene, horizon + unit * 0.05);
    case "mountains":
      await paintRange(scene, { layers: 4, rise: 0.3, sharp: true });
      return paintGround(scene, horizon + unit * 0.06);
    case "fields":
      await paintRange(scene, { layers: 2, rise: 0.12 });
      return paintGround(scene, horizon + unit * 0.02);
  }
}
