import { InvalidArgumentError } from "../../errors/arguments.ts";
import type { Model } from "../../model/model.ts";
import { isPulled, readModule } from "../../schemas/module.ts";
import { type FromSchemaOptions, modelFromSchema, standInFor } from "./index.ts";

/**
 * Stand-ins for what a file describes: the module that `fal-chain pull` has written, or JSON of OpenAPI documents: one, a
 * list of them, or what `GET https://api.fal.ai/v1/models?endpoint_id=…&expand=openapi-3.0` answers.
 *
 * @param text What is in the file. @param name What it is called, for errors.
 * @throws {InvalidArgumentError} where it is none of these.
 */
export function modelsFromFile(text: string, name: string, options: FromSchemaOptions = {}): Model[] {
  if (isPulled(text)) return [...readModule(text)].map(([id, schema]) => standInFor(id, schema, options));
  const found = documentsIn(parsed(text, name)).map((document) => {
    const id = idOf(document);
    if (id !== undefined) return modelFromSchema(id, document, options) as Model;
    throw new InvalidArgumentError(
      `A document in ${name} does not say of which endpoint it is: info.x-fal-metadata.endpointId, or its one path.`,
    );
  });
  if (found.length > 0) return found;
  throw new InvalidArgumentError(`${name} holds no OpenAPI document.`);
}

function parsed(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InvalidArgumentError(
      `${name} is neither JSON nor a module that fal-chain pull has written: ${(cause as Error).message}`,
      { cause },
    );
  }
}

type Raw = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Raw => typeof value === "object" && value !== null;

function documentsIn(given: unknown): Raw[] {
  if (Array.isArray(given)) return given.flatMap(documentsIn);
  if (!isObject(given)) return [];
  if (Array.isArray(given["models"])) return given["models"].flatMap(documentsIn);
  if (isObject(given["openapi"])) return [given["openapi"] as Raw];
  return isObject(given["paths"]) ? [given] : [];
}

function idOf({ info, paths }: Raw): string | undefined {
  const metadata = isObject(info) ? info["x-fal-metadata"] : undefined;
  const said = isObject(metadata) ? metadata["endpointId"] : undefined;
  if (typeof said === "string") return said;
  const posted = Object.entries(isObject(paths) ? paths : {}).filter(
    ([path, what]) => isObject(what) && "post" in what && !path.includes("{"),
  );
  return posted.length === 1 ? posted[0]?.[0].replace(/^\//, "") : undefined;
}
