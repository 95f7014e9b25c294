import { darker, hex, lighter, mix } from "../colour.ts";
import { ellipse, shape } from "../path.ts";
import type { Scene } from "../scene.ts";
import { brushAt, groundShadow, inTheLightOf, sunSide } from "./brush.ts";

const TRUNK = shape(
  "M-0.055 0.01 C-0.03 -0.04 -0.035 -0.2 -0.045 -0.36 L-0.17 -0.5 L-0.15 -0.52 L-0.03 -0.42 L-0.01 -0.58 L0.015 -0.58 L0.022 -0.42 L0.13 -0.54 L0.15 -0.52 L0.045 -0.36 C0.035 -0.2 0.03 -0.04 0.06 0.01 Z",
);

/** A lone broadleaf tree: clumps of leaves, shaded ones first, lit ones last. */
export function tree(scene: Scene): void {
  const { canvas, mood, motif, random, stand } = scene;
  const to = { x: stand.x, y: canvas.height * 0.87, scale: stand.size * 1.1 };
  const draw = brushAt(canvas, to);
  const side = sunSide(scene);
  const blossom = /cherry|blossom|sakura/.test(scene.prompt.toLowerCase());
  const own = blossom ? hex("#f0a5bd") : motif.snow ? hex("#e9eef4") : mood.leaves;
  const leaves = inTheLightOf(
    scene,
    mix(own, hex("#5d8a3a"), blossom || motif.snow || mood.name === "autumn" ? 0 : 0.35),
  );
  groundShadow(scene, to.x - side * to.scale * 0.12, to.y, to.scale * 0.46, to.scale * 0.06, 0.55);
  const bark = inTheLightOf(scene, hex("#4b382f"));
  draw(TRUNK, (x) => (x * side > 0 ? lighter(bark, 0.1) : darker(bark, 0.25)));

  const clumps = Array.from({ length: 210 }, () => {
    const angle = random() * Math.PI * 2;
    const reach = Math.sqrt(random());
    return {
      x: Math.cos(angle) * reach * 0.34,
      y: -0.66 + Math.sin(angle) * reach * 0.27,
      r: 0.025 + random() * 0.04,
    };
  });
  const brightness = ({ x, y }: { x: number; y: number }) =>
    (x / 0.34) * side * 0.5 - ((y + 0.66) / 0.27) * 0.6;
  clumps.sort((a, b) => brightness(a) - brightness(b));
  draw(ellipse(0, -0.65, 0.3, 0.23), darker(leaves, 0.5));
  for (const clump of clumps) {
    const light = brightness(clump) + (random() - 0.5) * 0.45;
    const tone =
      light > 0 ? mix(lighter(leaves, light * 0.35), mood.light, light * 0.28) : darker(leaves, -light * 0.6);
    draw(ellipse(clump.x, clump.y, clump.r, clump.r * 0.85, 16), tone, 0.92);
  }
}
