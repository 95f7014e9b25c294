import { brushAt, inTheLightOf, sunSide } from "../brush.ts";
import { softPatch } from "../canvas.ts";
import { darker, hex, lighter, mix, shaded } from "../colour.ts";
import type { Scene } from "../scene.ts";
import { ellipse, shape } from "../shapes.ts";

const TRUNK = shape(
  "M-0.055 0.01 C-0.03 -0.04 -0.035 -0.2 -0.045 -0.36 L-0.17 -0.5 L-0.15 -0.52 L-0.03 -0.42 L-0.01 -0.58 L0.015 -0.58 L0.022 -0.42 L0.13 -0.54 L0.15 -0.52 L0.045 -0.36 C0.035 -0.2 0.03 -0.04 0.06 0.01 Z",
);

/** For the words of a prompt; without any it is summer or autumn. */
const LEAVES = [
  [/cherry|blossom|sakura|spring/i, "#f0a5bd"],
  [/autumn|october|harvest|orange/i, "#d58a34"],
  [/summer|green|oak|willow|apple/i, "#4f8a43"],
] as const;

/** A lone broadleaf tree: clumps of leaves, shaded ones first, lit ones last. */
export function tree(scene: Scene): void {
  const { canvas, mood, prompt, random, stand } = scene;
  const to = { x: stand.x, y: canvas.height * 0.87, scale: stand.size * 1.1 };
  const draw = brushAt(canvas, to);
  const side = sunSide(scene);
  const shadow = { x: to.x - side * to.scale * 0.12, y: to.y, rx: to.scale * 0.46, ry: to.scale * 0.06 };
  softPatch(canvas, shadow, darker(mood.near, 0.3), 0.6);
  const bark = inTheLightOf(scene, hex("#4b382f"));
  draw(TRUNK, (x) => shaded(bark, x * side > 0 ? -0.1 : 0.25));

  const [, colour] = LEAVES.find(([words]) => words.test(prompt)) ?? [];
  const leaves = inTheLightOf(scene, hex(colour ?? (random() < 0.5 ? "#4f8a43" : "#d58a34")));
  const clumps = Array.from({ length: 210 }, () => {
    const angle = random() * Math.PI * 2;
    const reach = Math.sqrt(random());
    const [across, up] = [Math.cos(angle) * reach, -Math.sin(angle) * reach];
    return { across, up, size: 0.025 + random() * 0.04, light: across * side * 0.5 + up * 0.6 };
  });
  draw(ellipse(0, -0.65, 0.3, 0.23), darker(leaves, 0.5));
  for (const { across, up, size, light } of clumps.sort((a, b) => a.light - b.light)) {
    const amount = light + (random() - 0.5) * 0.45;
    const bright = mix(lighter(leaves, amount * 0.35), mood.light, amount * 0.28);
    const clump = ellipse(across * 0.34, -0.66 - up * 0.27, size, size * 0.85, 16);
    draw(clump, amount > 0 ? bright : darker(leaves, -amount * 0.6), 0.92);
  }
}
