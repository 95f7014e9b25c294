import { fill, glow } from "../canvas.ts";
import { type Colour, clamp01, darker, hex, lighter, mix } from "../colour.ts";
import { rectangle, shape } from "../path.ts";
import type { Scene } from "../scene.ts";
import { brushAt, inTheLightOf, lit, sunSide } from "./brush.ts";

const BANDS = 5;
const [TOP, FOOT] = [-0.83, -0.1];

/** A banded tower on a rock, with its lamp lit. */
export function lighthouse(scene: Scene): void {
  const { canvas, mood, random, stand, unit } = scene;
  const to = { x: stand.x, y: canvas.height * 0.9, scale: stand.size * 1.12 };
  const draw = brushAt(canvas, to);
  const side = sunSide(scene);
  const band = inTheLightOf(scene, random() < 0.75 ? hex("#c8443a") : hex("#2f5d86"));
  const white = inTheLightOf(scene, hex("#f6efe4"));
  const halfAt = (y: number) => 0.05 + ((y - TOP) / (FOOT - TOP)) * 0.032;
  draw(
    shape(
      `M${-halfAt(TOP)} ${TOP} L${halfAt(TOP)} ${TOP} L${halfAt(FOOT)} ${FOOT} L${-halfAt(FOOT)} ${FOOT} Z`,
    ),
    (x, y) => {
      const index = Math.floor(((y - TOP) / (-0.2 - TOP)) * BANDS);
      return lit(scene, index % 2 ? band : white, x / halfAt(y), 1.35);
    },
  );
  for (const y of [-0.69, -0.5, -0.32]) draw(rectangle(-0.01, y, 0.012, y + 0.035), darker(mood.near, 0.1));

  const iron = inTheLightOf(scene, hex("#3a3f4f"));
  draw(rectangle(-0.072, TOP - 0.012, 0.072, TOP + 0.008), (x) => lit(scene, iron, x / 0.07));
  for (let x = -0.068; x <= 0.069; x += 0.017)
    draw(rectangle(x - 0.0016, TOP - 0.046, x + 0.0016, TOP), iron);
  draw(rectangle(-0.07, TOP - 0.049, 0.07, TOP - 0.044), iron);
  const lamp = hex("#ffe9a6");
  draw(rectangle(-0.034, TOP - 0.1, 0.034, TOP - 0.01), (x) =>
    mix(lamp, hex("#fff8e0"), 1 - Math.abs(x) / 0.034),
  );
  for (const x of [-0.034, -0.011, 0.011, 0.034])
    draw(rectangle(x - 0.002, TOP - 0.1, x + 0.002, TOP - 0.01), iron);
  draw(
    shape(
      `M-0.044 ${TOP - 0.1} C-0.04 ${TOP - 0.15} -0.01 ${TOP - 0.16} 0 ${TOP - 0.175} C0.01 ${TOP - 0.16} 0.04 ${TOP - 0.15} 0.044 ${TOP - 0.1} Z`,
    ),
    (x) => lit(scene, band, x / 0.044),
  );
  draw(rectangle(-0.003, TOP - 0.2, 0.003, TOP - 0.165), iron);

  house(scene, draw, side);
  // The rock comes last: its uneven crest hides where the walls end.
  rock(scene, to);
  const lampY = to.y + (TOP - 0.055) * to.scale;
  glow(canvas, to.x, lampY, unit * 0.13, lamp, mood.stars > 0.05 ? 0.7 : 0.3);
  if (mood.stars > 0.05) beam(scene, to.x, lampY, -side);
}

function rock(scene: Scene, to: { x: number; y: number; scale: number }) {
  const { canvas, mood, noise, unit } = scene;
  const base = mix(mood.near, mood.ground, 0.4);
  const points: number[] = [];
  const steps = 60;
  for (let i = 0; i <= steps; i++) {
    const u = (i / steps) * 2 - 1;
    const rise = Math.max(0, 1 - Math.abs(u) ** 2.6) * 0.24 + (noise.line(u * 4 + 31, 4) - 0.5) * 0.09;
    points.push(to.x + u * 0.5 * to.scale, to.y + (0.06 - rise) * to.scale);
  }
  points.push(to.x + 0.66 * to.scale, canvas.height + 2, to.x - 0.66 * to.scale, canvas.height + 2);
  const grass = mix(mood.leaves, mood.ground, 0.4);
  fill(canvas, [points], (x, y) => {
    const u = (x - to.x) / (0.5 * to.scale);
    const facet = noise.plane((x / unit) * 9, (y / unit) * 15, 4);
    const depth = (y - (to.y - 0.17 * to.scale)) / to.scale;
    const stone = lit(
      scene,
      mix(darker(base, 0.3), lighter(base, 0.16), facet),
      u + (facet - 0.5) * 2.4,
      0.9,
    );
    const green = clamp01((0.07 - depth + (facet - 0.5) * 0.16) * 14);
    return mix(stone, lit(scene, grass, u * 0.6), green);
  });
}

function house(scene: Scene, draw: ReturnType<typeof brushAt>, side: 1 | -1) {
  const wall = inTheLightOf(scene, hex("#efe6d6"));
  const roof = inTheLightOf(scene, hex("#7a3f3a"));
  const x = (value: number) => -side * value;
  draw([[x(0.09), -0.1, x(0.09), -0.27, x(0.25), -0.27, x(0.25), -0.1]], () => lit(scene, wall, -0.1));
  draw([[x(0.08), -0.265, x(0.115), -0.325, x(0.23), -0.325, x(0.262), -0.265]], () => lit(scene, roof, 0.1));
  for (const at of [0.125, 0.185])
    draw(rectangle(x(at + 0.0125) - 0.0125, -0.245, x(at + 0.0125) + 0.0125, -0.21), hex("#ffdf94"));
}

function beam({ canvas, unit }: Scene, x: number, y: number, side: number) {
  const light: Colour = hex("#fff0bd");
  for (const [reach, spread, strength] of [
    [1.5, 0.16, 0.13],
    [1.5, 0.1, 0.13],
  ] as const) {
    const far = x + side * unit * reach;
    const cone = [[x, y - 2, far, y - unit * spread * 1.4, far, y + unit * spread * 0.6, x, y + 2]];
    fill(canvas, cone, light, strength);
  }
}
