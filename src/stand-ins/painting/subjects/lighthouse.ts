import { type Brush, brushAt, inTheLightOf, lit, type Placement, sunSide } from "../brush.ts";
import { fill, softPatch } from "../canvas.ts";
import { type Colour, clamp01, darker, hex, lighter, mix } from "../colour.ts";
import type { Scene } from "../scene.ts";
import { rectangle, shape } from "../shapes.ts";

const [TOP, FOOT] = [-0.83, -0.1];
const LAMP = hex("#ffe9a6");
const DOME = shape("M-0.044 -0.93 C-0.04 -0.98 -0.01 -0.99 0 -1.005 C0.01 -0.99 0.04 -0.98 0.044 -0.93 Z");

/** A banded tower on a rock, with its lamp lit. */
export function lighthouse(scene: Scene): void {
  const { canvas, mood, random, stand, unit } = scene;
  const to = { x: stand.x, y: canvas.height * 0.9, scale: stand.size * 1.12 };
  const draw = brushAt(canvas, to);
  const band = inTheLightOf(scene, hex(random() < 0.75 ? "#c8443a" : "#2f5d86"));
  const lamp = { x: to.x, y: to.y + (TOP - 0.055) * to.scale, rx: unit * 0.1 };
  if (mood.darkness > 0) beam(scene, lamp);
  tower(scene, draw, band);
  lantern(scene, draw, band);
  house(scene, draw);
  // The rock comes last: its uneven crest hides where the walls end.
  rock(scene, to);
  softPatch(canvas, lamp, LAMP, mood.darkness > 0 ? 0.5 : 0.25);
}

function tower(scene: Scene, draw: Brush, band: Colour): void {
  const white = inTheLightOf(scene, hex("#f6efe4"));
  const halfAt = (y: number) => 0.05 + ((y - TOP) / (FOOT - TOP)) * 0.032;
  const [narrow, wide] = [halfAt(TOP), halfAt(FOOT)];
  draw([[-narrow, TOP, narrow, TOP, wide, FOOT, -wide, FOOT]], (x, y) => {
    const isBand = Math.floor((y - TOP) * 8) % 2 === 1;
    return lit(scene, isBand ? band : white, x / halfAt(y), 1.35);
  });
  for (const y of [-0.69, -0.5, -0.32]) {
    draw(rectangle(-0.01, y, 0.012, y + 0.035), darker(scene.mood.near, 0.1));
  }
}

function lantern(scene: Scene, draw: Brush, roof: Colour): void {
  const iron = inTheLightOf(scene, hex("#3a3f4f"));
  draw(rectangle(-0.072, TOP - 0.012, 0.072, TOP + 0.008), (x) => lit(scene, iron, x / 0.07));
  for (let i = -4; i <= 4; i++)
    draw(rectangle(i * 0.017 - 0.0016, TOP - 0.046, i * 0.017 + 0.0016, TOP), iron);
  draw(rectangle(-0.07, TOP - 0.049, 0.07, TOP - 0.044), iron);
  draw(rectangle(-0.034, TOP - 0.1, 0.034, TOP - 0.01), (x) => lighter(LAMP, 1 - Math.abs(x) / 0.034));
  for (const x of [-0.034, -0.011, 0.011, 0.034]) {
    draw(rectangle(x - 0.002, TOP - 0.1, x + 0.002, TOP - 0.01), iron);
  }
  draw(DOME, (x) => lit(scene, roof, x / 0.044));
  draw(rectangle(-0.003, TOP - 0.2, 0.003, TOP - 0.165), iron);
}

/** The keeper's house, on the side away from the sun. */
function house(scene: Scene, draw: Brush): void {
  const side = -sunSide(scene);
  const wall = lit(scene, inTheLightOf(scene, hex("#efe6d6")), -0.1);
  const roof = lit(scene, inTheLightOf(scene, hex("#7a3f3a")), 0.1);
  draw(rectangle(side * 0.09, -0.27, side * 0.25, -0.1), wall);
  draw([[side * 0.08, -0.265, side * 0.115, -0.325, side * 0.23, -0.325, side * 0.262, -0.265]], roof);
  for (const x of [0.125, 0.185]) {
    draw(rectangle(side * x, -0.245, side * (x + 0.025), -0.21), hex("#ffdf94"));
  }
}

function rock(scene: Scene, to: Placement): void {
  const { canvas, mood, noise, unit } = scene;
  const steps = 60;
  const crest = Array.from({ length: steps + 1 }, (_, i) => {
    const u = (i / steps) * 2 - 1;
    const rise = (1 - Math.abs(u) ** 2.6) * 0.24 + (noise(u * 4 + 31, 0.37) - 0.5) * 0.09;
    return [to.x + u * 0.5 * to.scale, to.y + (0.06 - rise) * to.scale];
  });
  const below = [to.x + 0.66 * to.scale, canvas.height + 2, to.x - 0.66 * to.scale, canvas.height + 2];
  const base = mix(mood.near, hex("#6f5644"), 0.35);
  const grass = mix(mood.leaves, hex("#6b8a45"), 0.4);
  fill(canvas, [[...crest.flat(), ...below]], (x, y) => {
    const u = (x - to.x) / (0.5 * to.scale);
    const facet = noise((x / unit) * 9, (y / unit) * 15);
    const depth = (y - to.y) / to.scale + 0.17;
    const tone = mix(darker(base, 0.3), lighter(base, 0.16), facet);
    const green = clamp01((0.07 - depth + (facet - 0.5) * 0.16) * 14);
    return mix(lit(scene, tone, u + (facet - 0.5) * 2.4, 0.9), lit(scene, grass, u * 0.6), green);
  });
}

function beam({ canvas, unit, sun }: Scene, { x, y }: { x: number; y: number }): void {
  const far = x + (sun.x > x ? -1 : 1) * unit * 1.5;
  for (const spread of [0.16, 0.1]) {
    const cone = [x, y - 2, far, y - unit * spread * 1.4, far, y + unit * spread * 0.6, x, y + 2];
    fill(canvas, [cone], hex("#fff0bd"), 0.13);
  }
}
