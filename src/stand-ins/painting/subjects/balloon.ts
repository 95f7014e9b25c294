import { brushAt, inTheLightOf, lit } from "../brush.ts";
import { clamp01, darker, hex, lighter, mix, shaded } from "../colour.ts";
import type { Scene } from "../scene.ts";
import { ellipse, rectangle, shape } from "../shapes.ts";

const CLOTHS = [
  ["#d8443c", "#f6e7c8"],
  ["#e88b2e", "#2f6f8f"],
  ["#e2b13c", "#8a3a5c"],
  ["#2f7f78", "#f4dca0"],
] as const;
const STRIPES = 9;
const SKIN = shape(
  "M-0.06 -0.22 C-0.14 -0.32 -0.33 -0.44 -0.33 -0.67 C-0.33 -0.87 -0.18 -1 0 -1 C0.18 -1 0.33 -0.87 0.33 -0.67 C0.33 -0.44 0.14 -0.32 0.06 -0.22 Z",
);
const BASKET = shape("M-0.05 -0.075 L0.05 -0.075 L0.042 0 L-0.042 0 Z");

/** A striped hot-air balloon. */
export function balloon(scene: Scene): void {
  const { canvas, random, stand, horizon } = scene;
  const scale = stand.size * 0.92;
  const y = Math.min(canvas.height * 0.84, horizon * 0.5 + scale * 0.62);
  const draw = brushAt(canvas, { x: stand.x, y, scale });
  const [first, second] = CLOTHS[Math.floor(random() * CLOTHS.length)] ?? CLOTHS[0];
  const cloth = [inTheLightOf(scene, hex(first)), inTheLightOf(scene, hex(second))] as const;

  draw(SKIN, (x, y) => {
    const half =
      y < -0.67 ? Math.sqrt(Math.max(0.001, 0.33 ** 2 - (y + 0.67) ** 2)) : 0.33 - (y + 0.67) * 0.6;
    const across = Math.max(-1, Math.min(1, x / half));
    const stripe = (Math.asin(across) / Math.PI + 0.5) * STRIPES;
    const isOdd = Math.floor(stripe) % 2 === 1;
    const isBelt = y > -0.72 && y < -0.62;
    const tone = mix(...cloth, isBelt ? (isOdd ? 0.85 : 0.15) : isOdd ? 1 : 0);
    const seam = Math.abs((stripe % 1) - 0.5) > 0.46 ? 0.16 : 0;
    const round = darker(lit(scene, tone, across, 1.5), seam + clamp01(y + 0.5) * 0.5);
    return lighter(round, clamp01((-0.7 - y) * 0.5) * 0.4);
  });
  const rope = inTheLightOf(scene, hex("#4a3b30"));
  for (const x of [-0.056, -0.02, 0.02, 0.056]) {
    draw([[x - 0.002, -0.22, x + 0.002, -0.22, x * 0.72 + 0.002, -0.07, x * 0.72 - 0.002, -0.07]], rope);
  }
  draw(ellipse(0, -0.19, 0.014, 0.03), hex("#ffd27a"), 0.85);
  const basket = inTheLightOf(scene, hex("#8a5c34"));
  draw(BASKET, (x, y) => {
    const weave = Math.sin(x * 500) * Math.sin(y * 420) * 0.12;
    return lit(scene, shaded(basket, weave), x / 0.05, 1.2);
  });
  draw(rectangle(-0.053, -0.083, 0.053, -0.072), darker(basket, 0.3));
}
