import { randomFrom } from "../../model/random.ts";
import type { Breathe, Picture } from "../picture/picture.ts";
import { createCanvas, develop } from "./canvas.ts";
import { moodOf } from "./moods.ts";
import { noiseFrom } from "./noise.ts";
import type { Scene } from "./scene.ts";
import { paintSetting } from "./settings.ts";
import { paintSubject } from "./subjects/index.ts";
import { type Motif, readPrompt } from "./words.ts";

/** Paints a picture that depends on the prompt and the seed alone: same words, same seed, same pixels. */
export async function paint(
  prompt: string,
  seed: number,
  width: number,
  height: number,
  breathe: Breathe,
): Promise<Picture> {
  // What is shown depends on the prompt first; the seed only arranges it.
  const wording = randomFrom("motif", prompt);
  const random = randomFrom("picture", prompt, seed);
  const motif = readPrompt(prompt, wording);
  const mood = moodOf(motif.mood, (random() - 0.5) * 24);
  const unit = Math.min(width, height);
  const horizon = height * HORIZON[motif.setting] + (random() - 0.5) * unit * 0.05;
  const side = random() < 0.5 ? -1 : 1;
  const standX = width * (0.5 - side * (0.02 + random() * 0.07));
  const scene: Scene = {
    prompt,
    canvas: createCanvas(width, height),
    mood,
    motif,
    random,
    noise: noiseFrom(random),
    horizon,
    sun: {
      x: width * (0.5 + side * (0.33 + random() * 0.1)),
      y: horizon * (1 - mood.height) - horizon * 0.04 * random(),
    },
    stand: { x: standX, y: height * 0.86, size: unit * (0.6 + random() * 0.1) },
    unit,
  };
  await paintSetting(scene, breathe);
  await breathe();
  await paintSubject(scene, breathe);
  await breathe();
  return develop(scene.canvas, random);
}

const HORIZON: Readonly<Record<Motif["setting"], number>> = {
  sea: 0.62,
  mountains: 0.66,
  forest: 0.68,
  city: 0.72,
  table: 0.64,
  clouds: 0.6,
  fields: 0.62,
};
