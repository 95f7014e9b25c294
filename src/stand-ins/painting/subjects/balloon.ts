import { type Colour, clamp01, darker, hex, lighter, mix } from "../colour.ts";
import { ellipse, rectangle, shape } from "../path.ts";
import type { Scene } from "../scene.ts";
import { brushAt, inTheLightOf, lit } from "./brush.ts";

const CLOTHS: readonly (readonly [Colour, Colour])[] = [
  [hex("#d8443c"), hex("#f6e7c8")],
  [hex("#e88b2e"), hex("#2f6f8f")],
  [hex("#e2b13c"), hex("#8a3a5c")],
  [hex("#2f7f78"), hex("#f4dca0")],
];
const GORES = 9;

/** A striped hot-air balloon. */
export function balloon(scene: Scene): void {
  const { canvas, random, stand, horizon } = scene;
  const scale = stand.size * 0.92;
  const to = { x: stand.x, y: Math.min(canvas.height * 0.84, horizon * 0.5 + scale * 0.62), scale };
  const draw = brushAt(canvas, to);
  const [first, second] = CLOTHS[Math.floor(random() * CLOTHS.length)] ?? [hex("#d8443c"), hex("#f6e7c8")];
  const cloth = [inTheLightOf(scene, first), inTheLightOf(scene, second)] as const;

  const skin = shape(
    "M-0.06 -0.22 C-0.14 -0.32 -0.33 -0.44 -0.33 -0.67 C-0.33 -0.87 -0.18 -1 0 -1 C0.18 -1 0.33 -0.87 0.33 -0.67 C0.33 -0.44 0.14 -0.32 0.06 -0.22 Z",
  );
  draw(skin, (x, y) => {
    const half =
      y < -0.67 ? 0.33 * Math.sqrt(Math.max(0.001, 1 - ((y + 0.67) / 0.33) ** 2)) : 0.33 - (y + 0.67) * 0.6;
    const across = Math.max(-1, Math.min(1, x / half));
    const gore = ((Math.asin(across) / Math.PI + 0.5) * GORES) % 1;
    const index = Math.floor((Math.asin(across) / Math.PI + 0.5) * GORES);
    const belt = y > -0.72 && y < -0.62;
    const tone = belt ? mix(cloth[1], cloth[0], index % 2 ? 0.15 : 0.85) : (cloth[index % 2] ?? cloth[0]);
    const seam = Math.abs(gore - 0.5) > 0.46 ? 0.16 : 0;
    const top = clamp01((-0.7 - y) * 0.5);
    return lighter(darker(lit(scene, tone, across, 1.5), seam + clamp01(y + 0.5) * 0.5), top * 0.4);
  });
  const rope = inTheLightOf(scene, hex("#4a3b30"));
  for (const [from, to2] of [
    [-0.056, -0.04],
    [-0.02, -0.014],
    [0.02, 0.014],
    [0.056, 0.04],
  ] as const) {
    draw([[from - 0.002, -0.22, from + 0.002, -0.22, to2 + 0.002, -0.07, to2 - 0.002, -0.07]], rope);
  }
  draw(ellipse(0, -0.19, 0.014, 0.03), hex("#ffd27a"), 0.85);
  const basket = inTheLightOf(scene, hex("#8a5c34"));
  draw(shape("M-0.05 -0.075 L0.05 -0.075 L0.042 0 L-0.042 0 Z"), (x, y) => {
    const weave = Math.sin(x * 500) * Math.sin(y * 420) * 0.12;
    return lit(scene, weave > 0 ? lighter(basket, weave) : darker(basket, -weave), x / 0.05, 1.2);
  });
  draw(rectangle(-0.053, -0.083, 0.053, -0.072), darker(basket, 0.3));
}
