import { glow } from "../canvas.ts";
import { NEON } from "../city.ts";
import { darker, hex, lighter, mix } from "../colour.ts";
import { ellipse, rectangle } from "../path.ts";
import type { Scene } from "../scene.ts";
import { brushAt, groundShadow, lit } from "./brush.ts";

/** Steps of the tower from the street up: half width and upper end. */
const STEPS = [
  [0.155, -0.3],
  [0.12, -0.64],
  [0.082, -0.86],
  [0.045, -0.95],
] as const;

/** A stepped tower that rises over the other roofs, edged in light when it is dark. */
export function tower(scene: Scene): void {
  const { canvas, horizon, mood, random, stand, unit } = scene;
  const foot = horizon + (canvas.height - horizon) * 0.42;
  const to = { x: stand.x, y: foot, scale: Math.min(foot * 0.84, unit * 0.86) };
  const draw = brushAt(canvas, to);
  const isDark = mood.stars > 0;
  const accent = NEON[1 + Math.floor(random() * (NEON.length - 1))] ?? mood.light;
  const second = NEON[Math.floor(random() * NEON.length)] ?? mood.light;
  const wall = isDark ? hex("#2f5a74") : mix(hex("#c9b8a0"), mood.haze, 0.1);
  groundShadow(scene, to.x, to.y, to.scale * 0.26, to.scale * 0.03, 0.7);
  if (isDark) glow(canvas, to.x, to.y - to.scale * 0.6, to.scale * 0.5, accent, 0.18);

  let bottom = 0;
  for (const [half, top] of STEPS) {
    draw(rectangle(-half, top, half, bottom), (x, y) => {
      const pier = Math.abs(((x / 0.0245) % 1) + (x < 0 ? 1 : 0) - 0.5) > 0.4 ? 0.14 : 0;
      return darker(lit(scene, wall, x / half, 1.2), pier + Math.max(0, y + 0.1) * 0.8);
    });
    windows(half, top, bottom);
    if (isDark) {
      draw(rectangle(-half - 0.004, top - 0.006, half + 0.004, top + 0.003), lighter(accent, 0.3));
      for (const x of [-half, half]) draw(rectangle(x - 0.0035, top, x + 0.0035, bottom), second, 0.75);
      glow(canvas, to.x, to.y + top * to.scale, to.scale * half * 1.3, accent, 0.4);
    } else {
      draw(rectangle(-half - 0.006, top - 0.008, half + 0.006, top + 0.004), lighter(wall, 0.2));
    }
    bottom = top;
  }
  draw([[-0.02, -0.95, 0, -1.0, 0.02, -0.95]], darker(wall, 0.2));
  draw([[-0.004, -0.98, 0, -1.13, 0.004, -0.98]], isDark ? lighter(accent, 0.2) : darker(wall, 0.3));
  if (isDark) {
    draw(ellipse(0, -1.13, 0.007), hex("#ff6a6a"));
    glow(canvas, to.x, to.y - to.scale * 1.13, to.scale * 0.07, hex("#ff5a5a"), 0.9);
    sign();
  }

  function windows(half: number, top: number, bottom: number): void {
    const columns = Math.round((half * 2) / 0.0245);
    for (let y = top + 0.022; y < bottom - 0.024; y += 0.0285) {
      for (let c = 0; c < columns; c++) {
        const x = -half + ((c + 0.5) * half * 2) / columns;
        const on = isDark ? random() < 0.62 : true;
        const tone = isDark
          ? mix(hex("#ffdf9e"), random() < 0.16 ? second : hex("#fff4d2"), random())
          : mix(mood.sky[1], [255, 255, 255], 0.25);
        const pane = rectangle(x - 0.0072, y, x + 0.0072, y + 0.0165);
        draw(pane, on ? tone : darker(wall, 0.45), isDark ? (on ? 0.92 : 0.8) : 0.8);
      }
    }
  }

  function sign(): void {
    const left = random() < 0.5 ? -1 : 1;
    const x = left * 0.185;
    draw(rectangle(x - 0.026, -0.285, x + 0.026, -0.07), mix(hex("#120c28"), second, 0.12));
    for (let i = 0; i < 4; i++) {
      const y = -0.265 + i * 0.05;
      const bar = random() < 0.5;
      draw(rectangle(x - 0.016, y, x + 0.016, y + 0.007), lighter(second, 0.45));
      draw(
        rectangle(x - (bar ? 0.016 : 0.003), y, x - (bar ? 0.009 : -0.004), y + 0.033),
        lighter(second, 0.45),
      );
      draw(rectangle(x - 0.016, y + 0.026, x + 0.016, y + 0.033), lighter(second, 0.45));
    }
    glow(canvas, to.x + x * to.scale, to.y - 0.18 * to.scale, to.scale * 0.2, second, 0.6);
  }
}
