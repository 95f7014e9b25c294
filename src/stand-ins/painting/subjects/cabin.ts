import { glow } from "../canvas.ts";
import { clamp01, darker, hex, lighter, mix } from "../colour.ts";
import { ellipse, rectangle } from "../path.ts";
import type { Scene } from "../scene.ts";
import { conifer } from "../terrain.ts";
import { brushAt, groundShadow, inTheLightOf, lit, sunSide } from "./brush.ts";

/** A log cabin with a light in the window and smoke over the roof. */
export function cabin(scene: Scene): void {
  const { canvas, mood, motif, random, stand, unit } = scene;
  const to = { x: stand.x, y: canvas.height * 0.85, scale: stand.size * 0.86 };
  const draw = brushAt(canvas, to);
  const side = sunSide(scene);
  const snow = motif.snow ? 0.9 : 0;
  const needles = mix(mood.leaves, mood.near, 0.3);
  conifer(scene, to.x - to.scale * 0.52, to.y - unit * 0.01, to.scale * 0.95, needles, snow);
  conifer(scene, to.x + to.scale * 0.56, to.y, to.scale * 0.78, needles, snow);
  groundShadow(scene, to.x - side * to.scale * 0.08, to.y, to.scale * 0.6, to.scale * 0.06, 0.55);

  const log = inTheLightOf(scene, hex("#8c5a3a"));
  const roof = motif.snow ? inTheLightOf(scene, hex("#f3f6fb")) : inTheLightOf(scene, hex("#6b3b36"));
  draw(rectangle(0.13, -0.66, 0.21, -0.4), (x) =>
    lit(scene, inTheLightOf(scene, hex("#7d706a")), (x - 0.17) * 20),
  );
  for (let i = 0; i < 9; i++) {
    const drift = i * 0.022 * -side + (random() - 0.5) * 0.03;
    draw(
      ellipse(0.17 + drift, -0.69 - i * 0.04, 0.022 + i * 0.007),
      lighter(mood.haze, 0.4),
      0.3 - i * 0.026,
    );
  }
  draw([[-0.36, 0, -0.36, -0.31, 0.36, -0.31, 0.36, 0]], (x, y) => {
    const row = Math.abs((((y + 1) * 20) % 1) - 0.5) * 2;
    return darker(lit(scene, log, x * 1.6), row ** 3 * 0.4 + clamp01(-y - 0.24) * 2);
  });
  draw([[-0.43, -0.29, -0.27, -0.56, 0.27, -0.56, 0.43, -0.29]], (_x, y) => {
    const tile = Math.abs((((y + 1) * 26) % 1) - 0.5) > 0.4 ? 0.1 : 0;
    return darker(lit(scene, roof, 0.35), motif.snow ? 0.02 : tile);
  });
  draw([[-0.44, -0.295, 0.44, -0.295, 0.43, -0.27, -0.43, -0.27]], darker(log, 0.45));
  draw(rectangle(-0.07, -0.2, 0.05, 0), (x) => lit(scene, inTheLightOf(scene, hex("#5a3424")), x * 6));
  const light = hex("#ffd98a");
  for (const x of [-0.25, 0.14]) {
    draw(rectangle(x - 0.006, -0.216, x + 0.116, -0.084), darker(log, 0.5));
    draw(rectangle(x, -0.21, x + 0.11, -0.09), light);
    draw(rectangle(x + 0.051, -0.21, x + 0.059, -0.09), darker(log, 0.5));
    draw(rectangle(x, -0.154, x + 0.11, -0.146), darker(log, 0.5));
    glow(
      canvas,
      to.x + (x + 0.055) * to.scale,
      to.y - 0.15 * to.scale,
      to.scale * 0.24,
      light,
      mood.stars > 0 ? 0.6 : 0.25,
    );
  }
}
