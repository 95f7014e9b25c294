import { isCount, isLength, positive } from "./kind.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The least and the most units that a call with some input is billed. */
export interface Units {
  readonly least: number;
  readonly most: number;
}

const exactly = (units: number | undefined): Units | undefined =>
  units === undefined ? undefined : { least: units, most: units };

/** https://fal.ai/models/fal-ai/flux/schnell/api */
const PRESETS: ReadonlyMap<unknown, readonly [number, number]> = new Map([
  ["square_hd", [1024, 1024]],
  ["square", [512, 512]],
  ["portrait_4_3", [768, 1024]],
  ["portrait_16_9", [576, 1024]],
  ["landscape_4_3", [1024, 768]],
  ["landscape_16_9", [1024, 576]],
]);

/** As fal counts them: 1024 × 1024 is one, 1920 × 1080 are two. */
const MEGAPIXEL = 2 ** 20;

/** What makes another price of the same number of pictures or seconds. */
const TIERED = /resolution|quality|size|mode|tier|thinking|audio|variant|version|acceleration|fast|turbo/;
/** Inputs that may be counted, too. */
const GIVEN = /^(?!num|max).*(image|video|audio|file|mask)(_urls?|s)?$/;

const has = (input: Fields, pattern: RegExp): boolean =>
  Object.entries(input).some(([name, value]) => value != null && value !== false && pattern.test(name));

/** How many are asked for; undefined where that cannot be told. */
export function countIn(input: unknown): number | undefined {
  let count = 1;
  for (const [name, value] of Object.entries(fieldsOf(input) ?? {})) {
    if (!isCount(name) || value == null) continue;
    const number = positive(value);
    if (number === undefined) return undefined;
    count *= number;
  }
  return count;
}

/** A model may count a part of a megapixel as a part or as a whole one. */
function megapixels(input: Fields): Units | undefined {
  const count = countIn(input);
  const [width, height] = sizeOf(input);
  if (!width || !height || !count || has(input, GIVEN)) return undefined;
  const one = (width * height) / MEGAPIXEL;
  return { least: count * one, most: count * Math.ceil(one) };
}

function sizeOf(input: Fields): readonly [number?, number?] {
  const size = input["image_size"] ?? input["size"] ?? input;
  if (typeof size !== "string") {
    const { width, height } = (fieldsOf(size) ?? {}) as Fields;
    return [positive(width), positive(height)] as [number?, number?];
  }
  const [, width, height] = /^(\d{1,6})\s*[x×*]\s*(\d{1,6})$/i.exec(size) ?? [];
  return PRESETS.get(size) ?? ([positive(width), positive(height)] as [number?, number?]);
}

/** Only where nothing but the length can matter: 69 of fal's 109 endpoints with a duration also take a resolution. */
function seconds(input: Fields, isWhole: boolean): number | undefined {
  if (!isWhole || has(input, TIERED) || has(input, GIVEN)) return undefined;
  const [length, another] = Object.entries(input).filter(([name]) => isLength(name));
  const count = countIn(input);
  if (!length || another || !/duration$|seconds$/.test(length[0]) || count === undefined) return undefined;
  const each = positive(length[1]);
  return each && each * count;
}

type Count = (input: Fields, isWhole: boolean, characters: number) => Units | undefined;

/** `max_images` of a model that decides by itself how many it makes. */
function pieces(input: Fields): Units | undefined {
  const count = countIn(input);
  if (count === undefined || has(input, TIERED)) return undefined;
  return { least: count, most: count * (positive(input["max_images"]) ?? 1) };
}

const thousandth = (thousands: number): Count => {
  return (_, __, characters) => (characters > 0 ? exactly(characters / (1000 * thousands)) : undefined);
};

/** Units as fal's price list words them, in the singular: https://docs.fal.ai/documentation/model-apis/pricing */
const COUNTS: ReadonlyMap<string, Count> = new Map<string, Count>([
  ...["request", "call", "generation", "run"].map((unit) => [unit, () => exactly(1)] as const),
  ...["image", "video", "picture"].map((unit) => [unit, pieces] as const),
  ["megapixel", megapixels],
  ...["second", "video second", "second of video"].map((unit): [string, Count] => [
    unit,
    (input, isWhole) => exactly(seconds(input, isWhole)),
  ]),
  ...["1000 character", "1k character", "thousand character"].map((unit) => [unit, thousandth(1)] as const),
  ["character", thousandth(0.001)],
  ["1000000 character", thousandth(1_000)],
  ["1m character", thousandth(1_000)],
]);

/**
 * How many units a call with this input will be billed, where its input really determines that. Undefined for what only the run
 * shows, such as compute seconds and tokens, for seconds and pictures that a resolution, a quality or sound makes dearer, and for
 * what depends on defaults that nobody knows.
 *
 * @param isWhole Whether the input has the endpoint's defaults in it, so that what is not there cannot matter.
 * @param characters Of the text that is to be spoken, else of the prompt.
 */
export function determinedUnits(
  unit: string,
  input: unknown,
  { isWhole, characters }: { readonly isWhole: boolean; readonly characters: number },
): Units | undefined {
  const fields = fieldsOf(input);
  const units = fields && COUNTS.get(singular(unit))?.(fields, isWhole, characters);
  return units && Number.isFinite(units.most) ? units : undefined;
}

/** `Per 1,000 characters` and `1000 character` are the same. */
const singular = (unit: string): string =>
  unit
    .trim()
    .toLowerCase()
    .replace(/^(per|a|1)\s+/, "")
    .replace(/(?<=\d),(?=\d{3})/g, "")
    .replace(/s( of \w+)?$/, "$1");

/** Units of which the same input takes more or fewer each time. */
export const isVariable = (unit: string | undefined): boolean =>
  unit !== undefined && /compute|token|gpu|machine|runtime/i.test(unit);

export const isOfCharacters = (unit: string): boolean => /character/i.test(unit);

const fieldsOf = (value: unknown): Fields | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
