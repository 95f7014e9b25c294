import type { Breathe } from "../../picture/picture.ts";
import type { Scene } from "../scene.ts";
import type { SubjectName } from "../words.ts";
import { balloon } from "./balloon.ts";
import { cabin } from "./cabin.ts";
import { fox } from "./fox.ts";
import { fruit } from "./fruit.ts";
import { lighthouse } from "./lighthouse.ts";
import { peak } from "./peak.ts";
import { sailboat } from "./sailboat.ts";
import { tower } from "./tower.ts";
import { tree } from "./tree.ts";

type Subject = (scene: Scene, breathe: Breathe) => void | Promise<void>;

const SUBJECTS: Readonly<Record<SubjectName, Subject>> = {
  balloon,
  cabin,
  fox,
  fruit,
  lighthouse,
  peak,
  sailboat,
  tower,
  tree,
};

/** What the picture is about: it stands before the setting, apart from it in colour. */
export const paintSubject = async (scene: Scene, breathe: Breathe): Promise<void> =>
  SUBJECTS[scene.motif.subject](scene, breathe);
