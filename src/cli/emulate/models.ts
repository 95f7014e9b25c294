import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { EmulatorOptions, Model } from "../../emulator/index.ts";
import { InvalidArgumentError } from "../../errors/arguments.ts";
import type { Io } from "../cli.ts";

export interface ModelFiles {
  readonly schema?: readonly string[];
  readonly model?: readonly string[];
  readonly prices?: string;
}

/** What files say of the endpoints: those of the emulator itself are there too, and one of the same name takes its place. */
export async function whatItServes(
  { cwd }: Io,
  { schema = [], model = [], prices }: ModelFiles,
): Promise<Pick<EmulatorOptions, "models" | "unknown" | "prices">> {
  const { modelsFromFile, standIns } = await import("../../emulator/index.ts");
  const described = schema.map(async (file) =>
    modelsFromFile(await textOf(resolve(cwd(), file), file), file),
  );
  const written = model.map((file) => modelsOf(resolve(cwd(), file), file));
  const given = (await Promise.all([...described, ...written])).flat();
  return {
    ...(given.length > 0 && { models: [...standIns, ...given], unknown: "echo" as const }),
    ...(prices !== undefined && { prices: pricesIn(await textOf(resolve(cwd(), prices), prices), prices) }),
  };
}

const textOf = (path: string, name: string): Promise<string> =>
  readFile(path, "utf8").catch((cause: Error) => {
    throw new InvalidArgumentError(`${name} cannot be read: ${cause.message}`, { cause });
  });

/** Every export of a module that is a model, or a list of them. */
async function modelsOf(path: string, name: string): Promise<Model[]> {
  const exports: object = await import(pathToFileURL(path).href).catch((cause: unknown) => {
    throw new InvalidArgumentError(`${name} cannot be loaded: ${String(cause)}`, { cause });
  });
  const models = Object.values(exports).flat().filter(isModel);
  if (models.length > 0) return [...new Set(models)];
  throw new InvalidArgumentError(`${name} exports no model: export what defineModel gives.`);
}

const isModel = (value: unknown): value is Model =>
  typeof value === "object" && value !== null && "id" in value && "run" in value && "input" in value;

function pricesIn(text: string, name: string): NonNullable<EmulatorOptions["prices"]> {
  const say = (why: string, cause?: unknown) =>
    new InvalidArgumentError(`${name} is no list of prices: ${why}`, { cause });
  let prices: unknown;
  try {
    prices = JSON.parse(text);
  } catch (cause) {
    throw say((cause as Error).message, cause);
  }
  if (typeof prices !== "object" || prices === null) throw say("it is no object.");
  for (const [id, price] of Object.entries(prices)) {
    const { unit, unitPrice } = (price ?? {}) as { readonly unit?: unknown; readonly unitPrice?: unknown };
    if (typeof unit !== "string" || !(typeof unitPrice === "number" && unitPrice >= 0)) {
      throw say(`that of ${id} is not { "unit": "images", "unitPrice": 0.02 }.`);
    }
  }
  return prices as NonNullable<EmulatorOptions["prices"]>;
}
