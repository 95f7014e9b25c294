import type { StandardSchemaV1 } from "@standard-schema/spec";
import { InvalidArgumentError } from "../errors/arguments.ts";
import type { BuiltInEndpoints, EndpointTypeMap } from "./catalog.ts";

/** An endpoint id: one of those that TypeScript knows, or any other `owner/alias[/path]`. */
export type EndpointId = keyof EndpointTypeMap | keyof BuiltInEndpoints | (string & {});

/** An endpoint with schemas of its own. The input is checked before anything is paid, the output after. */
export interface Endpoint<I, O> {
  readonly id: string;
  readonly schemas: {
    readonly input: StandardSchemaV1<I, unknown>;
    readonly output: StandardSchemaV1<unknown, O>;
  };
}

// biome-ignore lint/suspicious/noExplicitAny: an endpoint's input is contravariant, so only any matches each
export type AnyEndpoint = Endpoint<any, any>;

export const idOf = (target: EndpointId | AnyEndpoint): string =>
  typeof target === "object" ? target.id : target;

/** What is known of an id: by the user first. */
type TypesOf<T> = T extends keyof EndpointTypeMap
  ? EndpointTypeMap[T]
  : T extends keyof BuiltInEndpoints
    ? BuiltInEndpoints[T]
    : unknown;

/** What an endpoint takes: anything where TypeScript does not know it. */
export type InputOf<T> =
  T extends Endpoint<infer I, unknown> ? I : TypesOf<T> extends { input: infer I } ? I : unknown;

/** What TypeScript does not know is for the caller to say, as with the official client. */
// biome-ignore lint/suspicious/noExplicitAny: what an endpoint gives that nobody has described, only the caller knows
type Anything = any;

/** What an endpoint gives: a schema passed with the call wins over what is known of the endpoint. */
export type OutputOf<T, S = undefined> =
  // Without `strict`, undefined extends everything, so that it is asked for first.
  S extends undefined
    ? // biome-ignore lint/suspicious/noExplicitAny: an endpoint's input is contravariant, so only any matches each
      T extends Endpoint<any, infer O>
      ? O
      : TypesOf<T> extends { output: infer O }
        ? O
        : Anything
    : S extends StandardSchemaV1
      ? StandardSchemaV1.InferOutput<S>
      : unknown;

/** Describes an endpoint by any Standard Schema (zod, valibot, arktype…). */
export type DefineEndpoint = <I extends StandardSchemaV1, O extends StandardSchemaV1>(
  id: string,
  schemas: { input: I; output: O },
) => Endpoint<StandardSchemaV1.InferInput<I>, StandardSchemaV1.InferOutput<O>>;

export const endpoint: DefineEndpoint = (id, schemas) => {
  parseEndpointId(id);
  return { id, schemas: schemas as unknown as Endpoint<never, never>["schemas"] } as Endpoint<never, never>;
};

/** An endpoint id taken apart. Follow-up requests live under the app, without the path: fal's clients do so too. */
export interface EndpointAddress {
  /** The whole id, as it is submitted to: `fal-ai/flux/schnell`. */
  readonly id: string;
  /** What status, result and cancel are asked of: `fal-ai/flux`. */
  readonly app: string;
}

/** Leading words that are no owner; they shift the split by one. Source: the official clients. */
const NAMESPACES = new Set(["workflows", "comfy"]);

/** @throws {InvalidArgumentError} saying what an endpoint id looks like. */
export function parseEndpointId(raw: string): EndpointAddress {
  const refuse = (problem: string) =>
    new InvalidArgumentError(
      `${JSON.stringify(raw)} is not an endpoint id: ${problem}. It reads owner/alias or owner/alias/path, ` +
        "such as fal-ai/flux/schnell.",
    );
  if (typeof raw !== "string") throw refuse("it is not a string");
  if (/^[a-z]+:\/\//i.test(raw)) throw refuse("it is a URL, and a key is never sent to an address in an id");

  // Ids of the first days had one segment, 123456-name. Source: the official JavaScript client.
  const id = raw.replace(/^\/|\/$/g, "").replace(/^(\d+)-([^/]+)$/, "$1/$2");
  const segments = id.split("/");
  const bad = segments.find((segment) => !/^[A-Za-z0-9_.~-]+$/.test(segment) || /^\.+$/.test(segment));
  if (bad !== undefined)
    throw refuse(bad === "" ? "a part of it is empty" : `${JSON.stringify(bad)} cannot stand in it`);

  const length = NAMESPACES.has(segments[0] ?? "") ? 3 : 2;
  if (segments.length < length) throw refuse("a part is missing");
  return { id, app: segments.slice(0, length).join("/") };
}
