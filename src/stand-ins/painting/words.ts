import type { Random } from "../../model/random.ts";
import type { MoodName } from "./moods.ts";

export type SettingName = "sea" | "forest" | "mountains" | "fields";
export type SubjectName = "lighthouse" | "fox" | "tree";

/** What a prompt asks for, as far as a few words can tell; chance decides the rest. */
export interface Motif {
  readonly mood: MoodName;
  readonly setting: SettingName;
  readonly subject: SubjectName;
  readonly snow: boolean;
}

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
  tree: /\b(trees?|oak|willow|bonsai|cherry|blossoms?|apples?|oranges?)\b/,
};

const SETTINGS = {
  sea: /\b(sea|ocean|coast|beach|waves?|harbou?r|island|water|bay|boats?|sail\w*|ships?)\b/,
  forest: /\b(forests?|woods?|jungle|pines?)\b/,
  mountains: /\b(mountains?|alps|valley|peaks?|summit|cliffs?|volcano)\b/,
  fields: /\b(fields?|meadows?|hills?|desert|prairie|farm|countryside|garden|park)\b/,
};

/** What to show in a setting when the prompt names nothing that can be drawn. */
const DWELLER = { sea: "lighthouse", forest: "fox", mountains: "tree", fields: "tree" } as const;

export function readPrompt(prompt: string, random: Random): Motif {
  const text = prompt.toLowerCase();
  const oneOf = <T>(choices: readonly T[]) => choices[Math.floor(random() * choices.length)] as T;
  const named = <T extends string>(words: Record<T, RegExp>) =>
    (Object.keys(words) as T[]).find((name) => words[name].test(text));

  const place = named(SETTINGS) ?? oneOf<SettingName>(["mountains", "fields"]);
  const subject = named(SUBJECTS) ?? DWELLER[place];
  return {
    mood: named(MOODS) ?? oneOf<MoodName>(["dawn", "day", "dusk"]),
    // Whatever else the prompt mentions, a lighthouse stands by the sea, and nothing else does.
    setting: subject === "lighthouse" ? "sea" : place === "sea" ? "fields" : place,
    subject,
    snow: /\b(snow\w*|winter|ice|icy|frozen|arctic)\b/.test(text),
  };
}
