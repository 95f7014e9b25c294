import { InvalidArgumentError } from "../errors/arguments.ts";
import type { Cost, UnitPrice } from "../money/cost.ts";

export interface EstimateOptions {
  /** How many of the endpoint's units the call will be billed, where you know it. @default what the input tells */
  readonly units?: number;
}

/**
 * What a call is likely to cost: its units times their price, and where the input does not tell the units, what fal says
 * that such calls have cost. `unknown` where neither can be had.
 */
export type Estimate = (endpoint: string, input: unknown, options?: EstimateOptions) => Promise<Cost>;

export interface EstimateSources {
  price(endpoint: string): Promise<UnitPrice | undefined>;
  /** In nano-dollars, for one call. */
  usualCost(endpoint: string): Promise<number | undefined>;
}

export const estimates =
  ({ price, usualCost }: EstimateSources): Estimate =>
  async (endpoint, input, { units } = {}) => {
    if (units !== undefined && !(units >= 0 && Number.isFinite(units))) {
      throw new InvalidArgumentError(`units is ${units}; it is a number from 0 up.`);
    }
    const unitPrice = await price(endpoint);
    const expected = units ?? (unitPrice && expectedUnits(unitPrice.unit, input));
    if (unitPrice && expected !== undefined) return estimatedCost(expected, unitPrice);
    const nanoUsd = await usualCost(endpoint);
    if (nanoUsd !== undefined) return { source: "estimated", nanoUsd };
    return { source: "unknown", reason: unitPrice ? "no_units" : "no_price" };
  };

/** What so many units will cost. */
function estimatedCost(units: number, { unit, unitPriceNanoUsd, at }: UnitPrice): Cost {
  // However much an input asks for, it is a number that can be compared with a budget.
  const nanoUsd = Math.min(Math.round(units * unitPriceNanoUsd), Number.MAX_SAFE_INTEGER);
  return {
    source: "estimated",
    nanoUsd,
    units,
    unit,
    unitPriceNanoUsd,
    ...(at !== undefined && { pricedAt: at }),
  };
}

/** https://fal.ai/models/fal-ai/flux/schnell/api */
const PRESETS: Readonly<Record<string, readonly [number, number]>> = {
  square_hd: [1024, 1024],
  square: [512, 512],
  portrait_4_3: [768, 1024],
  portrait_16_9: [576, 1024],
  landscape_4_3: [1024, 768],
  landscape_16_9: [1024, 576],
};

type Fields = Readonly<Record<string, unknown>>;

const positive = (value: unknown): number | undefined => {
  const number = typeof value === "string" ? Number(/^(\d+(?:\.\d+)?)s?$/.exec(value)?.[1]) : value;
  return typeof number === "number" && number > 0 && Number.isFinite(number) ? number : undefined;
};

const images = ({ num_images }: Fields): number | undefined =>
  num_images === undefined ? 1 : positive(num_images);

/** A part of a megapixel counts as a whole one. */
function megapixels(input: Fields): number | undefined {
  const size = input["image_size"];
  const { width, height } = (typeof size === "object" && size !== null ? size : {}) as Fields;
  const [w, h] =
    typeof size === "string"
      ? Object.hasOwn(PRESETS, size)
        ? (PRESETS[size] ?? [])
        : []
      : [positive(width), positive(height)];
  const count = images(input);
  return w && h && count ? count * Math.ceil((w * h) / 1e6) : undefined;
}

function thousandsOfCharacters({ text, prompt }: Fields): number | undefined {
  const spoken = text ?? prompt;
  return typeof spoken === "string" ? [...spoken].length / 1000 : undefined;
}

/** Units as fal's price list words them: https://docs.fal.ai/documentation/model-apis/pricing */
const COUNTERS: Readonly<Record<string, (input: Fields) => number | undefined>> = {
  request: () => 1,
  image: images,
  megapixel: megapixels,
  second: ({ duration }) => positive(duration),
  "1000 character": thousandsOfCharacters,
};

/**
 * How many units a call with this input will be billed, where its input tells. Undefined for what only the run shows,
 * such as compute seconds and tokens, and where it depends on a model's defaults.
 */
export function expectedUnits(unit: string, input: unknown): number | undefined {
  if (typeof input !== "object" || input === null) return undefined;
  const name = unit.trim().toLowerCase().replace(/s$/, "");
  return Object.hasOwn(COUNTERS, name) ? COUNTERS[name]?.(input as Fields) : undefined;
}
