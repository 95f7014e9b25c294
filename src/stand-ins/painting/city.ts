import { type Breathe, rowsPerBreath } from "../picture/picture.ts";
import { blend, fill, glow } from "./canvas.ts";
import { type Colour, darker, hex, lighter, mix } from "./colour.ts";
import { rectangle } from "./path.ts";
import type { Scene } from "./scene.ts";

export const NEON: readonly Colour[] = ["#ff4fa3", "#3fe0ff", "#ffd166", "#9d7bff", "#4dffb8"].map(hex);

/** Rows of buildings, their windows lit when it is dark, mirrored in a wet street. */
export async function paintCity(scene: Scene, breathe: Breathe): Promise<void> {
  const { canvas, mood, horizon, random, unit, stand } = scene;
  const isDark = mood.stars > 0;
  if (isDark) glow(canvas, canvas.width / 2, horizon, unit * 0.95, mood.sky[3], 0.5);
  for (let row = 0; row < 3; row++) {
    const near = row / 2;
    const colour = mix(mood.haze, mood.near, 0.3 + near * 0.45);
    let x = -unit * 0.1 * random();
    while (x < canvas.width) {
      const width = unit * (0.06 + random() * 0.07 + near * 0.03);
      const away = Math.abs(x + width / 2 - stand.x) / unit;
      // The middle stays low, so that the subject stands free.
      const tall = unit * (0.46 - near * 0.16) * (0.45 + random() * 0.6) * Math.min(1, 0.4 + away);
      if (!(near === 1 && away < 0.17))
        building(scene, x, width, horizon - tall, colour, isDark ? 0.35 + near * 0.4 : 0);
      x += width + unit * 0.008 * random();
    }
    await breathe();
  }
  await mirror(scene, breathe);
}

function building(scene: Scene, left: number, width: number, top: number, colour: Colour, lit: number) {
  const { canvas, horizon, random, unit, mood } = scene;
  const body = rectangle(left, top, left + width, horizon);
  fill(canvas, body, (x, y) =>
    mix(
      mix(lighter(colour, 0.05), darker(colour, 0.25), (x - left) / width),
      mood.haze,
      Math.max(0, 0.35 * (1 - (horizon - y) / (unit * 0.2))),
    ),
  );
  if (random() < 0.35) {
    const mid = left + width * (0.3 + random() * 0.4);
    fill(
      canvas,
      rectangle(mid - unit * 0.002, top - unit * (0.03 + random() * 0.05), mid + unit * 0.002, top),
      colour,
    );
  }
  const tint =
    lit > 0
      ? mix(
          hex("#ffd58a"),
          NEON[Math.floor(random() * NEON.length)] ?? mood.light,
          random() < 0.3 ? 0.7 : 0.1,
        )
      : lighter(mood.sky[1], 0.2);
  const cell = unit * 0.0165;
  const columns = Math.floor((width - cell * 0.8) / cell);
  const margin = (width - columns * cell) / 2;
  for (let y = top + cell; y < horizon - cell * 1.6; y += cell * 1.35) {
    for (let c = 0; c < columns; c++) {
      const on = random() < (lit > 0 ? 0.42 : 0.9);
      if (!on) continue;
      const x = left + margin + c * cell + cell * 0.22;
      fill(
        canvas,
        rectangle(x, y, x + cell * 0.56, y + cell * 0.72),
        tint,
        lit > 0 ? lit * (0.5 + random() * 0.6) : 0.22,
      );
    }
  }
  if (lit > 0.6 && mood.name === "neon" && random() < 0.6) {
    const sign = NEON[Math.floor(random() * NEON.length)] ?? mood.light;
    const x = left + width * (random() < 0.5 ? 0.12 : 0.82);
    const [y0, y1] = [top + unit * 0.03, top + unit * (0.1 + random() * 0.06)];
    glow(canvas, x, (y0 + y1) / 2, unit * 0.1, sign, 0.7);
    fill(canvas, rectangle(x - unit * 0.005, y0, x + unit * 0.005, y1), lighter(sign, 0.35));
  }
}

async function mirror({ canvas, mood, horizon, noise, unit }: Scene, breathe: Breathe) {
  const first = Math.round(horizon);
  const { data, width } = canvas;
  for (let y = first; y < canvas.height; y++) {
    const depth = (y - first) / Math.max(1, canvas.height - first);
    for (let x = 0; x < width; x++) {
      const ripple = (noise.plane((x / unit) * 16, (y / unit) * 70, 2) - 0.5) * unit * (0.02 + 0.05 * depth);
      const source = Math.max(0, Math.min(first - 1, Math.round(first - 1 - (y - first) * 1.5 - ripple)));
      const i = (source * width + x) * 3;
      const colour: Colour = [data[i] ?? 0, data[i + 1] ?? 0, data[i + 2] ?? 0];
      blend(canvas, x, y, mix(colour, mood.near, 0.38 + depth * 0.3), 1);
    }
    if (y % rowsPerBreath(width) === 0) await breathe();
  }
}
