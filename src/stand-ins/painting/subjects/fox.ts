import { brushAt, inTheLightOf, lit } from "../brush.ts";
import { softPatch } from "../canvas.ts";
import { type Colour, clamp01, darker, hex, lighter, mix, shaded } from "../colour.ts";
import type { Scene } from "../scene.ts";
import { ellipse, mirrored, shape } from "../shapes.ts";

const TAIL = shape(
  "M0.06 -0.02 C0.3 0.04 0.5 -0.06 0.5 -0.27 C0.5 -0.42 0.42 -0.52 0.35 -0.56 C0.37 -0.42 0.34 -0.28 0.1 -0.2 Z",
);
const BODY = shape(
  "M-0.11 -0.6 C-0.17 -0.46 -0.25 -0.3 -0.235 -0.13 C-0.23 -0.04 -0.19 0 -0.13 0.005 L0.13 0.005 C0.19 0 0.23 -0.04 0.235 -0.13 C0.25 -0.3 0.17 -0.46 0.11 -0.6 Z",
);
const CHEST = shape(
  "M-0.1 -0.56 C-0.15 -0.46 -0.13 -0.36 -0.09 -0.3 L-0.075 -0.335 L-0.05 -0.255 L-0.025 -0.3 L0 -0.22 L0.025 -0.3 L0.05 -0.255 L0.075 -0.335 L0.09 -0.3 C0.13 -0.36 0.15 -0.46 0.1 -0.56 Z",
);
const HEAD = shape(
  "M0 -0.47 C0.05 -0.475 0.1 -0.51 0.15 -0.535 C0.2 -0.55 0.24 -0.56 0.265 -0.58 C0.24 -0.6 0.225 -0.62 0.215 -0.66 C0.2 -0.76 0.12 -0.83 0 -0.83 C-0.12 -0.83 -0.2 -0.76 -0.215 -0.66 C-0.225 -0.62 -0.24 -0.6 -0.265 -0.58 C-0.24 -0.56 -0.2 -0.55 -0.15 -0.535 C-0.1 -0.51 -0.05 -0.475 0 -0.47 Z",
);
const NOSE = shape(
  "M-0.034 -0.523 C-0.03 -0.545 0.03 -0.545 0.034 -0.523 C0.025 -0.5 0.01 -0.49 0 -0.488 C-0.01 -0.49 -0.025 -0.5 -0.034 -0.523 Z",
);

/** What there is twice, as it is on the right. */
const HAUNCHES = both(
  "M0.13 -0.02 C0.1 -0.12 0.13 -0.24 0.2 -0.27 C0.26 -0.2 0.27 -0.06 0.23 0.006 L0.13 0.008 Z",
);
const LEGS = both(
  "M0.012 -0.3 C0.012 -0.2 0.014 -0.08 0.012 0.008 L0.105 0.008 C0.112 -0.02 0.1 -0.04 0.088 -0.045 C0.092 -0.14 0.1 -0.22 0.105 -0.3 Z",
);
const EARS = both("M0.2 -0.7 C0.225 -0.8 0.225 -0.93 0.2 -1.01 C0.13 -0.97 0.07 -0.89 0.045 -0.8 Z");
const INSIDE_EARS = both(
  "M0.185 -0.75 C0.2 -0.82 0.2 -0.89 0.187 -0.945 C0.145 -0.91 0.11 -0.86 0.09 -0.8 Z",
);
const CHEEKS = both(
  "M0 -0.47 C0.05 -0.475 0.1 -0.51 0.15 -0.535 C0.2 -0.55 0.24 -0.56 0.265 -0.58 C0.235 -0.598 0.225 -0.612 0.215 -0.64 C0.16 -0.66 0.09 -0.64 0.055 -0.585 C0.035 -0.555 0.018 -0.535 0 -0.53 Z",
);
const EYES = both(
  "M0.058 -0.652 C0.075 -0.69 0.115 -0.695 0.135 -0.672 C0.12 -0.64 0.08 -0.628 0.058 -0.652 Z",
);

function both(right: string) {
  return [...shape(right), ...mirrored(shape(right))];
}

/** A fox that sits and looks at us. */
export function fox(scene: Scene): void {
  const { canvas, mood, motif, random, stand } = scene;
  const to = { x: stand.x, y: canvas.height * 0.91, scale: stand.size * 0.94 };
  const draw = brushAt(canvas, to);
  const side = random() < 0.5 ? -1 : 1;
  const fur = inTheLightOf(scene, mix(hex("#d9692b"), hex("#e58a3c"), random()));
  const white = inTheLightOf(scene, hex("#f9e4cc"));
  const dark = inTheLightOf(scene, hex("#3a2522"));
  const shadow = { x: to.x + side * to.scale * 0.1, y: to.y, rx: to.scale * 0.56, ry: to.scale * 0.075 };
  softPatch(canvas, shadow, darker(mood.near, 0.3), motif.snow ? 0.45 : 0.65);

  const coat = (base: Colour, half: number) => (x: number, y: number) => {
    const hairs = scene.noise(x * 70 + 300, y * 16 + 300, 2) - 0.5;
    return shaded(darker(lit(scene, base, x / half, 0.85), clamp01(y + 0.35) * 0.2), -hairs * 0.22);
  };
  draw(side > 0 ? TAIL : mirrored(TAIL), (x, y) => {
    const isTip = y + Math.sin(x * 90) * 0.018 < -0.37;
    return coat(isTip ? white : fur, 0.6)(x - (isTip ? 0 : side * 0.25), y);
  });
  draw(BODY, coat(fur, 0.25));
  draw(HAUNCHES, coat(darker(fur, 0.06), 0.3));
  draw(CHEST, coat(white, 0.22));
  draw(LEGS, (x, y) => {
    const sock = clamp01((y + 0.15 + Math.sin(x * 160) * 0.012) * 40);
    return mix(coat(darker(fur, 0.04), 0.22)(x, y), coat(dark, 0.3)(x, y), sock);
  });
  draw(EARS, coat(fur, 0.3));
  draw(INSIDE_EARS, (x, y) => mix(dark, coat(fur, 0.3)(x, y), clamp01((y + 0.86) * 9) * 0.7));
  draw(HEAD, (x, y) => lighter(coat(fur, 0.28)(x, y), clamp01((-0.6 - y) * 0.5)));
  draw(CHEEKS, coat(white, 0.34));
  draw(EYES, darker(dark, 0.5));
  for (const x of [-0.095, 0.095]) {
    draw(ellipse(x, -0.664, 0.02, 0.021), hex("#8a5a1e"));
    draw(ellipse(x, -0.664, 0.012, 0.017), hex("#140d0c"));
    draw(ellipse(x + 0.006, -0.672, 0.0055), [255, 255, 250]);
  }
  draw(NOSE, hex("#1d1414"));
  draw(ellipse(-0.008, -0.527, 0.01, 0.005), [130, 110, 110], 0.8);
}
