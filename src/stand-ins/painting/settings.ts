import type { Breathe } from "../picture/picture.ts";
import { paintCity } from "./city.ts";
import { paintCloudSea } from "./cloud-sea.ts";
import { mix } from "./colour.ts";
import type { Scene } from "./scene.ts";
import { paintSky } from "./sky.ts";
import { paintTable } from "./table.ts";
import { paintGround, paintRange, paintRidge } from "./terrain.ts";
import { paintSea } from "./water.ts";
import { paintWoods } from "./woods.ts";

/** The background: everything but the subject. */
export async function paintSetting(scene: Scene, breathe: Breathe): Promise<void> {
  const { motif, mood, unit, horizon } = scene;
  if (motif.setting === "table") return paintTable(scene, breathe);
  await paintSky(scene, breathe);
  const ground = motif.snow ? ([238, 243, 250] as const) : mood.ground;
  const groundColour = motif.snow ? mix(ground, mood.haze, mood.stars > 0.5 ? 0.6 : 0.15) : mood.ground;
  switch (motif.setting) {
    case "sea":
      paintRidge(scene, {
        crest: horizon - unit * 0.02,
        swing: unit * 0.07,
        detail: 0.9,
        colour: mix(mood.haze, mood.near, 0.25),
      });
      return paintSea(scene, breathe);
    case "mountains":
      paintRange(scene, 4, { sharp: true, rise: 0.3 });
      await breathe();
      return paintGround(scene, horizon + unit * 0.06, groundColour);
    case "forest":
      return paintWoods(scene, groundColour, breathe);
    case "city":
      return paintCity(scene, breathe);
    case "clouds":
      paintRange(scene, 2, { sharp: true, rise: 0.12 });
      return paintCloudSea(scene, 0, breathe);
    case "fields":
      paintRange(scene, 2, { sharp: false, rise: 0.12 });
      await breathe();
      return paintGround(scene, horizon + unit * 0.02, groundColour, 4);
  }
}
