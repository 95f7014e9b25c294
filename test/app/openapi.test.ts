import { defineApp } from "fal-chain/app";
import { expect, test } from "vitest";
import * as z from "zod";
import * as mini from "zod/mini";

const logger = { warn() {} };

interface Document {
  readonly paths: Readonly<Record<string, { readonly post: { readonly operationId: string } }>>;
  readonly components: { readonly schemas: Readonly<Record<string, { readonly properties: object }>> };
}

/** A part of a document, by its reference. */
function at(document: object, ref: string): unknown {
  const names = ref.replace("#/", "").split("/");
  return names.reduce<unknown>((part, name) => (part as Record<string, unknown>)[name], document);
}

/** Every reference in a document. */
function refsIn(part: unknown): string[] {
  if (typeof part !== "object" || part === null) return [];
  return Object.entries(part).flatMap(([name, value]) =>
    name === "$ref" && typeof value === "string" ? [value] : refsIn(value),
  );
}

const Tree = z.object({
  name: z.string(),
  get children() {
    return z.array(Tree);
  },
});

const app = defineApp({
  name: "ad-maker",
  version: "2.0.0",
  about: "Makes ads.",
  logger,
  endpoints: {
    "/": {
      about: "Makes one ad.",
      input: z.object({
        prompt: z.string().describe("What it shows"),
        size: z.enum(["small", "large"]).default("small"),
        seed: z.number().int().nullable().optional(),
        until: z.date().optional(),
        picture: z.file().optional(),
        layers: Tree.optional(),
      }),
      output: z.object({ url: z.url(), made: z.string().transform((text) => text.length) }),
      handler: async () => ({ url: "https://example.com/a.png", made: "now" }),
    },
    "/image/upscale": { input: mini.object({ zoom: mini.number() }), handler: () => 1 },
    "/plain": { handler: () => 1 },
  },
});

test("the document says what each endpoint takes and gives, in which order, and what the app is about", async () => {
  const document = await (await app.fetch(new Request("http://app.test/openapi.json"))).json();
  expect(document).toEqual(await app.openapi());
  expect(document).toMatchObject({
    openapi: "3.1.0",
    info: { title: "ad-maker", version: "2.0.0", "x-fal-metadata": { about: "Makes ads." } },
    "x-fal-order-paths": ["/", "/image/upscale", "/plain"],
  });
  const { post } = document.paths["/"];
  expect(post).toMatchObject({ operationId: "AdMaker", summary: "Makes one ad." });
  const input = at(document, post.requestBody.content["application/json"].schema.$ref);
  expect(input).toMatchObject({
    type: "object",
    required: ["prompt"],
    "x-fal-order-properties": ["prompt", "size", "seed", "until", "picture", "layers"],
    properties: {
      prompt: { type: "string", description: "What it shows" },
      size: { enum: ["small", "large"], default: "small" },
      seed: { anyOf: [{ type: "integer" }, { type: "null" }] },
      until: { type: "string", format: "date-time" },
    },
  });
  const output = at(document, post.responses["200"].content["application/json"].schema.$ref);
  expect(output).toMatchObject({ properties: { url: { type: "string", format: "uri" } } });
  expect(at(document, "#/components/schemas/ImageUpscaleInput")).toMatchObject({
    properties: { zoom: { type: "number" } },
  });
  expect(document.paths["/plain"].post.requestBody.content["application/json"].schema).toEqual({});
});

test("whatever a part of the document refers to, is there", async () => {
  const document = await app.openapi();
  const refs = refsIn(document);
  expect(refs.length).toBeGreaterThan(3);
  for (const ref of refs) expect(at(document, ref), ref).toBeTypeOf("object");
});

test("endpoints whose paths have the same words have schemas and names of their own", async () => {
  const handler = () => 1;
  const of = (field: string) => ({ input: z.object({ [field]: z.string() }), handler });
  const endpoints = { "/": of("a"), "/poster": of("b"), "/a/b": of("c"), "/a-b": of("d") };
  const { paths, components } = (await defineApp({
    name: "poster",
    logger,
    endpoints,
  }).openapi()) as Document;
  const ids = Object.values(paths).map(({ post }) => post.operationId);
  expect(ids).toEqual(["Poster", "Poster_2", "AB", "AB_2"]);
  expect(Object.values(components.schemas).flatMap(({ properties }) => Object.keys(properties))).toEqual([
    "a",
    "b",
    "c",
    "d",
  ]);
});

test("a schema that says what it is by the standard is asked by it, and one that cannot is named", async () => {
  const own = (jsonSchema: object) => ({
    "~standard": { version: 1, vendor: "ours", validate: (value: unknown) => ({ value }), jsonSchema },
  });
  const says = own({ input: () => ({ type: "string", minLength: 3 }), output: () => ({}) });
  const cannot = own({
    input() {
      throw new Error("a function is no JSON");
    },
  });
  const appOf = (input: object) =>
    defineApp({ name: "x", logger, endpoints: { "/draw": { input: input as never, handler: () => 1 } } });
  expect(at(await appOf(says).openapi(), "#/components/schemas/DrawInput")).toEqual({
    type: "string",
    minLength: 3,
  });
  await expect(appOf(cannot).openapi()).rejects.toThrow(
    "The input of /draw cannot be put as JSON Schema: a function is no JSON",
  );
});
