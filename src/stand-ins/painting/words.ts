import type { Random } from "../../model/random.ts";
import type { MoodName } from "./moods.ts";

export type SettingName = "sea" | "mountains" | "forest" | "city" | "table" | "clouds" | "fields";
export type SubjectName =
  | "lighthouse"
  | "fox"
  | "fruit"
  | "tower"
  | "peak"
  | "tree"
  | "balloon"
  | "sailboat"
  | "cabin";

/** What a prompt asks for, as far as a few words can tell; chance decides the rest. */
export interface Motif {
  readonly mood: MoodName;
  readonly setting: SettingName;
  readonly subject: SubjectName;
  readonly snow: boolean;
}

type Dictionary<T extends string> = readonly (readonly [T, RegExp])[];

const MOODS: Dictionary<MoodName> = [
  ["neon", /\b(neon|cyberpunk|synthwave|vaporwave)\b/],
  ["dawn", /\b(dawn|sunrise|morning|daybreak)\b/],
  ["dusk", /\b(dusk|sunset|evening|twilight|golden hour)\b/],
  ["night", /\b(night|midnight|moon\w*|stars?|starry|dark|galaxy|space)\b/],
  ["winter", /\b(snow\w*|winter|ice|icy|frost\w*|frozen|arctic|mist\w*|fog\w*)\b/],
  ["autumn", /\b(autumn|fall|october|harvest|desert|dunes?)\b/],
  ["day", /\b(day|noon|summer|spring|sunny|blue sky)\b/],
];

const SUBJECTS: Dictionary<SubjectName> = [
  ["lighthouse", /\b(lighthouses?|beacon)\b/],
  [
    "fox",
    /\b(fox|foxes|wol(f|ves)|dogs?|puppy|cats?|kittens?|animals?|bears?|deer|rabbits?|lions?|tigers?)\b/,
  ],
  ["fruit", /\b(oranges?|apples?|lemons?|fruits?|peach(es)?|bowl|still life|food|breakfast)\b/],
  ["balloon", /\b(balloons?|airships?|zeppelin|rocket)\b/],
  ["sailboat", /\b(boats?|sail\w*|ships?|yachts?)\b/],
  ["cabin", /\b(cabin|house|cottage|hut|home|barn|castle|village)\b/],
  ["tower", /\b(city|cities|tower|skyscrapers?|skyline|street|building|downtown|tokyo|manhattan)\b/],
  ["tree", /\b(trees?|oak|willow|bonsai|cherry|blossoms?)\b/],
  ["peak", /\b(mountains?|peaks?|summit|alps|everest|volcano)\b/],
];

const SETTINGS: Dictionary<SettingName> = [
  ["clouds", /\b(sea of clouds|above the clouds|clouds|sky)\b/],
  ["city", /\b(city|cities|skyline|skyscrapers?|street|downtown|tokyo|manhattan|urban)\b/],
  ["table", /\b(bowl|table|still life|kitchen|plate|vase|food|breakfast)\b/],
  ["sea", /\b(sea|ocean|coast|beach|waves?|harbou?r|lake|island|water|bay)\b/],
  ["forest", /\b(forests?|woods?|jungle|pines?|trees)\b/],
  ["mountains", /\b(mountains?|alps|valley|hills?|peaks?|summit|cliffs?)\b/],
  ["fields", /\b(fields?|meadows?|desert|dunes?|prairie|farm|countryside|garden|park)\b/],
];

/** Where a subject is at home when the prompt does not say. */
const HOME: Readonly<Record<SubjectName, readonly SettingName[]>> = {
  lighthouse: ["sea"],
  fox: ["forest", "fields", "mountains"],
  fruit: ["table"],
  tower: ["city"],
  peak: ["mountains", "clouds"],
  tree: ["fields", "mountains", "sea"],
  balloon: ["mountains", "fields", "clouds", "sea"],
  sailboat: ["sea"],
  cabin: ["mountains", "forest", "fields"],
};

/** Whom to show in a setting when the prompt names nobody. */
const DWELLERS: Readonly<Record<SettingName, readonly SubjectName[]>> = {
  sea: ["sailboat", "lighthouse"],
  mountains: ["peak", "cabin", "balloon"],
  forest: ["cabin", "fox"],
  city: ["tower"],
  table: ["fruit"],
  clouds: ["balloon", "peak"],
  fields: ["tree", "balloon", "cabin"],
};

/** The hours at which a setting looks its best, for when the prompt names none. */
const HOURS: Readonly<Record<SettingName, readonly MoodName[]>> = {
  sea: ["dawn", "dusk", "day"],
  mountains: ["dawn", "day", "dusk", "autumn"],
  forest: ["autumn", "dawn", "day"],
  city: ["dusk", "night", "neon", "day"],
  table: ["day", "autumn"],
  clouds: ["dawn", "dusk", "day"],
  fields: ["day", "autumn", "dusk"],
};

export function readPrompt(prompt: string, random: Random): Motif {
  const text = prompt.toLowerCase();
  const named = <T extends string>(dictionary: Dictionary<T>): T | undefined =>
    dictionary.find(([, words]) => words.test(text))?.[0];
  const oneOf = <T>(choices: readonly [T, ...T[]] | readonly T[], otherwise: T): T =>
    choices[Math.floor(random() * choices.length)] ?? otherwise;

  const said = { subject: named(SUBJECTS), setting: named(SETTINGS), mood: named(MOODS) };
  const anySetting = oneOf<SettingName>(["sea", "mountains", "forest", "fields", "clouds"], "mountains");
  const setting = said.setting ?? (said.subject ? oneOf(HOME[said.subject], "mountains") : anySetting);
  const subject = said.subject ?? oneOf(DWELLERS[setting], "tree");
  const mood = said.mood ?? oneOf(HOURS[setting], "day");
  // Some subjects only make sense in one place, whatever else the prompt mentions.
  const fixed: Partial<Record<SubjectName, SettingName>> = { fruit: "table", tower: "city", sailboat: "sea" };
  return {
    mood,
    setting: fixed[subject] ?? (setting === "table" ? oneOf(HOME[subject], "fields") : setting),
    subject,
    snow: /\b(snow\w*|winter|ice|icy|frozen|arctic)\b/.test(text),
  };
}
