import { blend } from "../canvas.ts";
import { clamp01, darker, hex, lighter, mix } from "../colour.ts";
import { rectangle, shape } from "../path.ts";
import type { Scene } from "../scene.ts";
import { brushAt, inTheLightOf, lit } from "./brush.ts";

/** A sailing boat with its broken reflection. */
export function sailboat(scene: Scene): void {
  const { canvas, mood, noise, random, stand, horizon, unit } = scene;
  const foot = horizon + (canvas.height - horizon) * 0.5;
  const to = {
    x: stand.x,
    y: foot,
    scale: Math.min(stand.size * 1.05, foot * 0.9),
    mirrored: random() < 0.5,
  };
  const draw = brushAt(canvas, to);
  const sail = inTheLightOf(scene, random() < 0.6 ? hex("#fbf3e2") : hex("#d9553f"));
  const hull = inTheLightOf(scene, random() < 0.5 ? hex("#7c2f2a") : hex("#22466b"));

  const first = Math.floor(foot);
  for (let y = first; y < Math.min(canvas.height, foot + to.scale * 0.8); y++) {
    const depth = (y - foot) / (to.scale * 0.8);
    for (
      let x = Math.max(0, Math.floor(to.x - to.scale * 0.42));
      x < Math.min(canvas.width, to.x + to.scale * 0.42);
      x++
    ) {
      const wave = (noise.plane((x / unit) * 9, (y / unit) * 48, 3) - 0.5) * (0.1 + depth * 0.5);
      const u = Math.abs((x - to.x) / to.scale + wave);
      const half = depth < 0.12 ? 0.3 : 0.27 * (1 - depth);
      const cover = clamp01((half - u) * 14) * (1 - depth) * 0.5;
      if (cover > 0.01)
        blend(canvas, x, y, depth < 0.12 ? darker(hull, 0.3) : mix(sail, mood.water, 0.35), cover);
    }
  }

  draw(rectangle(-0.008, -0.98, 0.008, -0.12), inTheLightOf(scene, hex("#5a4030")));
  draw(shape("M0.016 -0.95 C0.13 -0.7 0.26 -0.4 0.33 -0.19 C0.22 -0.16 0.1 -0.16 0.016 -0.18 Z"), (x, y) =>
    darker(lit(scene, sail, 0.5 - x * 3, 0.9), Math.abs((y * 7) % 1) < 0.06 ? 0.12 : 0),
  );
  draw(
    shape("M-0.018 -0.9 C-0.07 -0.62 -0.16 -0.36 -0.28 -0.18 C-0.19 -0.15 -0.1 -0.15 -0.018 -0.17 Z"),
    (x) => lit(scene, darker(sail, 0.08), -0.6 - x * 2, 0.9),
  );
  draw(
    shape(
      "M-0.36 -0.13 C-0.2 -0.1 0.2 -0.1 0.4 -0.14 C0.36 -0.04 0.3 0.01 0.24 0.015 L-0.26 0.015 C-0.32 0 -0.34 -0.06 -0.36 -0.13 Z",
    ),
    (x, y) =>
      y < -0.095 ? lighter(hull, 0.55) : darker(lit(scene, hull, x / 0.4), clamp01((y + 0.06) * 5) * 0.4),
  );
}
