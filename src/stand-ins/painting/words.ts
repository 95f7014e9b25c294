import type { Random } from "../../model/random.ts";
import type { MoodName } from "./moods.ts";

export type SettingName = "sea" | "forest" | "mountains" | "fields";
export type SubjectName = "lighthouse" | "fox" | "balloon" | "tree";

/** What a prompt asks for, as far as a few words can tell; chance decides the rest. */
export interface Motif {
  readonly mood: MoodName;
  readonly setting: SettingName;
  readonly subject: SubjectName;
  readonly snow: boolean;
}

const SNOW = /\b(snow\w*|winter|ice|icy|frozen|arctic)\b/;

const MOODS = {
  dawn: /\b(dawn|sunrise|morning|daybreak)\b/,
  dusk: /\b(dusk|sunset|evening|twilight|golden hour|autumn)\b/,
  night: /\b(night|midnight|moon\w*|stars?|starry|dark|galaxy|space|neon)\b/,
  winter: /\b(snow\w*|winter|ice|icy|frost\w*|frozen|arctic|mist\w*|fog\w*)\b/,
  day: /\b(day|noon|summer|spring|sunny|sky)\b/,
};

const SUBJECTS = {
  lighthouse: /\b(lighthouses?|beacon|towers?|castle)\b/,
  fox: /\b(fox|foxes|wol(f|ves)|dogs?|puppy|cats?|kittens?|animals?|bears?|deer|rabbits?|lions?|tigers?)\b/,
  balloon: /\b(balloons?|airships?|zeppelin|rocket|clouds|flying)\b/,
  tree: /\b(trees?|oak|willow|bonsai|cherry|blossoms?)\b/,
};

const SETTINGS = {
  sea: /\b(sea|ocean|coast|beach|waves?|harbou?r|lake|island|water|bay|boats?|ships?)\b/,
  forest: /\b(forests?|woods?|jungle|pines?)\b/,
  mountains: /\b(mountains?|alps|valley|peaks?|summit|cliffs?|volcano)\b/,
  fields: /\b(fields?|meadows?|hills?|desert|prairie|farm|countryside|garden|park)\b/,
};

/** Where a subject is at home when the prompt does not say. */
const HOME: Readonly<Record<SubjectName, readonly SettingName[]>> = {
  lighthouse: ["sea"],
  fox: ["forest"],
  balloon: ["mountains", "fields", "sea"],
  tree: ["fields", "mountains"],
};

/** What to show in a setting when the prompt names nothing. */
const DWELLERS: Readonly<Record<SettingName, readonly SubjectName[]>> = {
  sea: ["lighthouse", "balloon"],
  forest: ["fox"],
  mountains: ["balloon", "tree"],
  fields: ["tree", "balloon"],
};

export function readPrompt(prompt: string, random: Random): Motif {
  const text = prompt.toLowerCase();
  const named = <T extends string>(words: Record<T, RegExp>) =>
    (Object.keys(words) as T[]).find((name) => words[name].test(text));
  const oneOf = <T>(choices: readonly T[], otherwise: T): T =>
    choices[Math.floor(random() * choices.length)] ?? otherwise;

  const said = named(SUBJECTS);
  const anywhere = said ? HOME[said] : (["sea", "mountains", "fields"] as const);
  const place = named(SETTINGS) ?? oneOf(anywhere, "fields");
  const subject = said ?? oneOf(DWELLERS[place], "balloon");
  return {
    mood: named(MOODS) ?? oneOf(["dawn", "day", "dusk"], "day"),
    // A lighthouse stands by the sea, and no fox or tree on it, whatever else the prompt mentions.
    setting:
      subject === "lighthouse" || (place === "sea" && subject !== "balloon")
        ? oneOf(HOME[subject], "sea")
        : place,
    subject,
    snow: SNOW.test(text),
  };
}
