import { type Colour, clamp01, darker, hex, lighter, mix, smooth } from "../colour.ts";
import { ellipse, shape } from "../path.ts";
import type { Scene } from "../scene.ts";
import { brushAt, groundShadow, inTheLightOf, lit, sunSide } from "./brush.ts";

const KINDS: readonly (readonly [RegExp, Colour, Colour])[] = [
  [/apple/, hex("#b8322c"), hex("#d8a13a")],
  [/lemon/, hex("#eec73a"), hex("#f6dc6a")],
  [/peach/, hex("#e8905c"), hex("#c8503f")],
  [/./, hex("#ec8a1e"), hex("#f5a62e")],
];
/** Where the fruits lie, back to front. */
const PLACES = [
  [-0.17, -0.5, 0.125],
  [0.16, -0.51, 0.128],
  [-0.01, -0.61, 0.13],
  [-0.27, -0.4, 0.12],
  [0.27, -0.41, 0.122],
  [-0.1, -0.43, 0.135],
  [0.12, -0.42, 0.138],
] as const;

/** A bowl of fruit, one of which has rolled out. */
export function fruit(scene: Scene): void {
  const { canvas, random, stand } = scene;
  const to = { x: stand.x, y: canvas.height * 0.84, scale: stand.size * 1.02 };
  const draw = brushAt(canvas, to);
  const side = sunSide(scene);
  const [, first, second] = KINDS.find(([words]) => words.test(scene.prompt.toLowerCase())) ?? [
    /./,
    hex("#ec8a1e"),
    hex("#f5a62e"),
  ];
  const dimmed = (colour: Colour) => inTheLightOf(scene, colour);

  groundShadow(
    scene,
    to.x - side * to.scale * 0.12,
    to.y + to.scale * 0.005,
    to.scale * 0.62,
    to.scale * 0.1,
    0.62,
  );
  draw(ellipse(0, -0.36, 0.43, 0.075), darker(dimmed(hex("#31405c")), 0.35));
  for (const [x, y, radius] of PLACES) {
    ball(x + (random() - 0.5) * 0.03, y + (random() - 0.5) * 0.03, radius * (0.95 + random() * 0.1));
  }

  const glaze = dimmed(random() < 0.5 ? hex("#e9e2d3") : hex("#3d5d88"));
  const line = dimmed(hex("#2f4a78"));
  const bowl = shape(
    "M-0.43 -0.37 C-0.41 -0.16 -0.25 -0.03 -0.14 -0.02 L-0.15 0.01 C-0.08 0.025 0.08 0.025 0.15 0.01 L0.14 -0.02 C0.25 -0.03 0.41 -0.16 0.43 -0.37 C0.3 -0.3 -0.3 -0.3 -0.43 -0.37 Z",
  );
  draw(bowl, (x, y) => {
    const half = 0.44 * Math.sqrt(Math.max(0.05, 1 - ((y + 0.38) / 0.42) ** 2));
    const rim = -0.37 + 0.052 * (1 - (x / 0.43) ** 2);
    const stripe = smooth(0.012, 0.006, Math.abs(y - rim - 0.05)) * 0.85;
    const base = mix(glaze, line, stripe);
    const round = lit(scene, base, x / half, 1.5);
    const shine = Math.exp(-(((x - side * 0.2) / 0.05) ** 2) - ((y + 0.2) / 0.09) ** 2) * 0.55;
    return lighter(darker(round, clamp01((y + 0.16) * 1.6) * 0.4), shine);
  });

  groundShadow(
    scene,
    to.x + (side * 0.5 - side * 0.05) * to.scale,
    to.y + to.scale * 0.035,
    to.scale * 0.17,
    to.scale * 0.045,
    0.6,
  );
  ball(side * 0.5, -0.08, 0.12);

  function ball(cx: number, cy: number, radius: number): void {
    const tone = dimmed(mix(first, second, random()));
    const seam = random() * 100;
    draw(ellipse(cx, cy, radius, radius, 64), (x, y) => {
      const [nx, ny] = [(x - cx) / radius, (y - cy) / radius];
      const nz = Math.sqrt(Math.max(0, 1 - nx * nx - ny * ny));
      const facing = nx * side * 0.55 - ny * 0.6 + nz * 0.6;
      const peel = scene.noise.plane(x * 130 + seam, y * 130, 2) - 0.5;
      const light = facing + peel * 0.13;
      const shine = clamp01((nx * side * 0.42 - ny * 0.5 + nz * 0.76 - 0.93) * 14) * 0.7;
      const base =
        light > 0.5
          ? lighter(tone, (light - 0.5) * 0.55)
          : mix(tone, [70, 24, 20], clamp01((0.5 - light) * 0.8));
      const contact = smooth(0.2, 1, ny) * 0.25;
      return lighter(darker(base, contact), shine);
    });
    const [sx, sy] = [cx + radius * 0.12, cy - radius * 0.72];
    draw(ellipse(sx, sy, radius * 0.09, radius * 0.05), dimmed(hex("#4a5a2a")));
    if (random() < 0.4) {
      const leaf = shape(
        `M${sx} ${sy} Q${sx + 0.04} ${sy - 0.08} ${sx + 0.12} ${sy - 0.06} Q${sx + 0.08} ${sy} ${sx} ${sy} Z`,
      );
      draw(leaf, (x) => lit(scene, dimmed(hex("#4f7f3a")), (x - sx) * 8));
    }
  }
}
