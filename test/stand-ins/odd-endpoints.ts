/** What a document says, as far as it differs from others. */
export interface Odd {
  readonly input?: object;
  readonly output: object;
  readonly others?: object;
  /** An input that it takes. */
  readonly asked?: object;
}

const to = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const props = (properties: object, required = Object.keys(properties)) => ({ properties, required });
const text = { type: "string" } as const;
const whole = { type: "integer" } as const;
const decimal = { type: "number" } as const;
const listOf = (items: object, more: object = {}) => ({ type: "array", items, ...more });
const orNull = (schema: object) => ({ anyOf: [schema, { type: "null" }] });

/** As fal's own files are. */
const File = {
  type: "object",
  title: "File",
  ...props({ url: text }),
  properties: {
    url: { type: "string", format: "uri", description: "The URL where the file can be downloaded from." },
    content_type: orNull(text),
    file_name: orNull(text),
    file_size: orNull(whole),
  },
};
const Image = {
  ...File,
  title: "Image",
  properties: { ...File.properties, width: orNull(whole), height: orNull(whole) },
};
const files = {
  File,
  Image,
  VideoFile: { ...File, title: "VideoFile" },
  AudioFile: { ...File, title: "AudioFile" },
};

const prompted = { ...props({ prompt: text }), asked: undefined };
const asked = { prompt: "a fox" };
const giving = (properties: object, more: Partial<Odd> = {}): Odd => ({
  input: prompted,
  output: props(properties),
  others: files,
  asked,
  ...more,
});

export const ENDPOINTS: Readonly<Record<string, Odd>> = {
  // Files, by their kinds and by how they are named.
  picture: giving({ images: listOf(to("Image")), seed: whole }),
  "one-picture": giving({ image: to("Image") }),
  film: giving({ video: to("VideoFile") }),
  "film-as-file": giving({ video: to("File") }),
  sound: giving({ audio: to("AudioFile") }),
  "sound-as-url": giving({ audio_url: text }),
  speech: giving({ speech: to("File"), duration: decimal }),
  mesh: giving({ model_mesh: to("File"), textures: listOf(to("Image")) }),
  subtitles: giving({ subtitles: to("File") }),
  "file-without-facts": giving({ image: { type: "object", ...props({ url: text }) } }),
  "maybe-picture": giving({ mask: orNull(to("Image")) }),
  "url-with-format": giving({ result: { type: "string", format: "uri" } }),
  "files-by-name": giving({ files: { type: "object", additionalProperties: to("File") } }),
  "picture-within": giving({ result: { type: "object", ...props({ best: to("Image"), score: decimal }) } }),
  "several-kinds": giving({ image: to("Image"), video: to("File"), audio: orNull(to("File")) }),
  "as-many-as-asked": giving(
    { images: listOf(to("Image"), { minItems: 3 }) },
    { input: props({ prompt: text, num_images: { ...whole, default: 3 } }, ["prompt"]) },
  ),
  // Texts.
  words: giving({ output: text }),
  "text-of-length": giving({ title: { ...text, minLength: 30, maxLength: 40 } }),
  "short-text": giving({ title: { ...text, maxLength: 3 } }),
  chat: giving({
    choices: listOf({
      type: "object",
      ...props({ message: { type: "object", ...props({ role: { enum: ["assistant"] }, content: text }) } }),
    }),
    usage: { type: "object", additionalProperties: decimal },
  }),
  transcript: giving({
    text,
    chunks: listOf({
      type: "object",
      ...props({
        timestamp: { type: "array", prefixItems: [decimal, decimal], minItems: 2, maxItems: 2 },
        text,
      }),
    }),
  }),
  languages: giving({ languages: listOf({ enum: ["en", "de"] }, { minItems: 1, maxItems: 2 }) }),
  // Numbers.
  limits: giving({
    a: { ...whole, minimum: 5 },
    b: { ...decimal, maximum: -1 },
    c: { ...whole, exclusiveMinimum: 10, exclusiveMaximum: 12 },
  }),
  steps: giving({
    a: { ...whole, multipleOf: 8, minimum: 20 },
    b: { ...decimal, exclusiveMinimum: 0, maximum: 0.5 },
  }),
  "old-limits": giving({ a: { ...whole, minimum: 3, exclusiveMinimum: true } }),
  "default-out-of-range": giving({ a: { ...whole, minimum: 1, maximum: 4, default: 100 } }),
  "default-of-another-type": giving({ a: { ...whole, default: "many" }, b: { ...text, default: 7 } }),
  seeds: giving({ seed: orNull(whole), random_seed: whole }),
  flags: giving({ nsfw: { type: "boolean" }, has_nsfw_concepts: listOf({ type: "boolean" }) }),
  // Choices.
  constant: giving({ kind: { const: "result" }, version: { const: 2 } }),
  either: giving({ a: { anyOf: [text, whole] }, b: { oneOf: [{ type: "null" }, listOf(whole)] } }),
  "null-first": giving({ a: { anyOf: [{ type: "null" }, text] } }),
  "list-of-types": giving({ a: { type: ["string", "null"] }, b: { type: ["integer", "string"] } }),
  nullable: giving({ a: { ...text, nullable: true } }),
  "only-null": giving({ a: { type: "null" } }),
  mixed: giving({ a: { enum: [1, "two", null] } }),
  "one-of-objects": giving(
    { result: { oneOf: [to("Done"), to("Failed")], discriminator: { propertyName: "type" } } },
    {
      others: {
        Done: { type: "object", ...props({ type: { const: "done" }, value: whole }) },
        Failed: { type: "object", ...props({ type: { const: "failed" }, why: text }) },
      },
    },
  ),
  // References.
  "all-of-one": giving({ image: { allOf: [to("Image")], description: "The picture." } }),
  "all-of-two": giving(
    { both: { allOf: [to("A"), to("B")] } },
    {
      others: { A: { type: "object", ...props({ a: whole }) }, B: { type: "object", ...props({ b: text }) } },
    },
  ),
  tree: giving(
    { tree: to("Node") },
    {
      others: { Node: { type: "object", ...props({ name: text, children: listOf(to("Node")) }, ["name"]) } },
    },
  ),
  chain: giving(
    { head: to("Link") },
    { others: { Link: { type: "object", ...props({ value: whole, next: orNull(to("Link")) }) } } },
  ),
  "narrow-limits": giving({ a: { ...decimal, exclusiveMinimum: 0, exclusiveMaximum: 0.0005 } }),
  dates: giving({ at: { ...text, format: "date-time" }, id: { ...text, format: "uuid" } }),
  "list-of-itself": giving({ loop: to("Loop") }, { others: { Loop: { type: "array", items: to("Loop") } } }),
  nowhere: giving({ lost: to("Nobody") }),
  "long-names": giving(
    { x: to("fal__toolkit__image__image__Image-Output") },
    { others: { "fal__toolkit__image__image__Image-Output": Image } },
  ),
  // Objects and lists.
  empty: giving({}),
  anything: { input: {}, output: {}, asked: { a: 1 } },
  "no-type": giving({ a: {}, b: { description: "Of any kind." } }),
  optional: { input: prompted, output: { properties: { a: text, b: orNull(whole) } }, asked },
  closed: giving({ a: whole }, { output: { ...props({ a: whole }), additionalProperties: false } }),
  "by-name": giving({
    scores: { type: "object", additionalProperties: { ...decimal, minimum: 0, maximum: 1 } },
  }),
  "exactly-two": giving({ pair: listOf(whole, { minItems: 2, maxItems: 2 }) }),
  "none-allowed": giving({ none: listOf(whole, { maxItems: 0 }) }),
  lists: giving({ grid: listOf(listOf(decimal, { minItems: 2 }), { minItems: 2 }) }),
  "names-of-objects": giving({ constructor: text, toString: whole }, { input: props({ prompt: text }) }),
  dashes: giving({ "file-size": whole, größe: decimal }),
  // Its input is looked at too.
  strict: {
    input: props(
      {
        prompt: { ...text, minLength: 1, maxLength: 9 },
        steps: { ...whole, minimum: 1, maximum: 12, default: 4 },
        mode: { enum: ["fast", "slow"], default: "fast" },
        parts: listOf({ type: "object", ...props({ at: decimal }) }),
        pattern: { ...text, pattern: "(?P<year>x)" },
      },
      ["prompt"],
    ),
    output: props({ steps: whole, mode: text }),
    asked,
  },
};
