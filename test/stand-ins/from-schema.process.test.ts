import { Ajv2020 } from "ajv/dist/2020.js";
import { createEmulator, modelFromSchema, modelsFromFile, virtualClock } from "fal-chain/emulator";
import { describe, expect, test } from "vitest";
import { decodePicture } from "../../src/stand-ins/picture/decode.ts";
import { ENDPOINTS, type Odd } from "./odd-endpoints.ts";

// Documents with the oddities of fal's own; another library says whether what is answered is what they promise.

const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const content = (schema: object) => ({ content: { "application/json": { schema } } });

const documentOf = (id: string, { input, output, others = {} }: Odd) => ({
  openapi: "3.0.4",
  info: { "x-fal-metadata": { endpointId: id } },
  paths: {
    [`/${id}`]: { post: { requestBody: content(reference("Asked")) } },
    [`/${id}/requests/{request_id}`]: { get: { responses: { 200: content(reference("Answered")) } } },
  },
  components: {
    schemas: { Asked: { type: "object", ...input }, Answered: { type: "object", ...output }, ...others },
  },
});

const all = Object.entries(ENDPOINTS).map(([name, odd]) => ({ id: `acme/${name}`, odd }));
const models = all.map(({ id, odd }) => modelFromSchema(id, documentOf(id, odd)));

function world() {
  const clock = virtualClock();
  const emulator = createEmulator({ clock, models, concurrency: 100 });
  const call = async (id: string, input: unknown) => {
    const headers = { authorization: "Key ada:x", "content-type": "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify(input) };
    const response = await emulator.fetch(new Request(`https://fal.run/${id}`, init));
    return { status: response.status, body: await response.json(), headers: response.headers };
  };
  const file = async (url: string) => {
    const response = await emulator.fetch(new Request(url));
    return { type: response.headers.get("content-type"), bytes: Buffer.from(await response.arrayBuffer()) };
  };
  return { emulator, call, file };
}

/** fal writes some things that JSON Schema has no word for. */
function asJsonSchema({ output, others = {} }: Odd) {
  const text = JSON.stringify({ type: "object", ...output, $defs: { Nobody: {}, ...others } });
  return JSON.parse(
    text
      .replaceAll("#/components/schemas/", "#/$defs/")
      .replaceAll('"nullable":true,', "")
      .replaceAll(/,"exclusiveMinimum":true/g, ""),
  );
}

test("there are fifty of them", () => {
  expect(all.length).toBeGreaterThanOrEqual(50);
});

test.each(all)("$id is answered as its document says", async ({ id, odd }) => {
  const { call } = world();
  const { status, body } = await call(id, odd.asked ?? {});
  expect([status, body]).toEqual([200, expect.anything()]);
  const ajv = new Ajv2020({
    strict: false,
    formats: {
      "date-time": (at: string) => !Number.isNaN(Date.parse(at)),
      uuid: /^[0-9a-f-]{36}$/,
      uri: true,
    },
  });
  expect(ajv.validate(asJsonSchema(odd), body) || ajv.errors).toBe(true);
});

describe("what an answer names is there", () => {
  const kinds: readonly [string, string, (bytes: Buffer) => void][] = [
    ["picture", "image/png", (bytes) => expect(decodePicture(bytes).width).toBe(64)],
    ["film", "video/mp4", (bytes) => expect(bytes.subarray(4, 12).toString()).toBe("ftypisom")],
    ["sound", "audio/wav", (bytes) => expect(bytes.subarray(8, 12).toString()).toBe("WAVE")],
    ["mesh", "model/gltf-binary", (bytes) => expect(bytes.readUInt32LE(8)).toBe(bytes.length)],
    ["subtitles", "text/plain", (bytes) => expect(bytes.toString()).toContain("no model runs")],
  ];
  test.each(kinds)("a %s", async (name, type, look) => {
    const { call, file } = world();
    const input = { prompt: "a fox", seed: 7, width: 64, height: 64 };
    const { body } = await call(`acme/${name}`, input);
    const [url] = JSON.stringify(body).match(/https:[^"]+/) ?? [];
    const found = await file(url ?? "");
    expect(found.type).toBe(type);
    look(found.bytes);
  });

  test.each(kinds)("a %s is the same for the same seed, and another one for another", async (name) => {
    const bytes = async (seed: number) => {
      const { call, file } = world();
      const { body } = await call(`acme/${name}`, { prompt: "a fox", seed, width: 64, height: 64 });
      const [url] = JSON.stringify(body).match(/https:[^"]+/) ?? [];
      return (await file(url ?? "")).bytes.toString("base64");
    };
    const [one, again, other] = [await bytes(1), await bytes(1), await bytes(2)];
    expect([one === again, one === other]).toEqual([true, false]);
  });
});

describe("what a document does not take is refused as fal does", () => {
  const { call } = world();
  test.each<[string, object, object]>([
    ["is missing", {}, { loc: ["body", "prompt"], type: "missing", msg: "Field required" }],
    ["is of another type", { prompt: 3 }, { loc: ["body", "prompt"], type: "string_type" }],
    ["is too long", { prompt: "x".repeat(10) }, { loc: ["body", "prompt"], type: "string_too_long" }],
    ["is too much", { prompt: "x", steps: 99 }, { loc: ["body", "steps"], type: "less_than_equal" }],
    ["is none of the words", { prompt: "x", mode: "medium" }, { loc: ["body", "mode"], type: "one_of" }],
    ["is wrong deep within", { prompt: "x", parts: [{ at: "a" }] }, { loc: ["body", "parts", 0, "at"] }],
  ])("what %s", async (_, input, detail) => {
    const { status, body } = await call("acme/strict", input);
    expect([status, body]).toMatchObject([422, { detail: [detail] }]);
  });

  test("defaults are put in, and what is not known is ignored", async () => {
    expect((await call("acme/strict", { prompt: "x", novelty: 1 })).body).toMatchObject({ steps: 4 });
  });
});

test("files of documents are read as fal gives them", () => {
  const { odd } = all[0] as (typeof all)[0];
  const one = documentOf("acme/one", odd);
  const { info: _, ...bare } = documentOf("acme/two", odd);
  const ids = (given: unknown) => modelsFromFile(JSON.stringify(given), "file.json").map(({ id }) => id);
  expect(ids(one)).toEqual(["acme/one"]);
  expect(ids([one, bare])).toEqual(["acme/one", "acme/two"]);
  expect(ids({ models: [{ endpoint_id: "acme/one", openapi: one }] })).toEqual(["acme/one"]);
  expect(() => modelsFromFile("{", "file.json")).toThrow("file.json is neither JSON nor a module");
  expect(() => modelsFromFile("{}", "file.json")).toThrow("holds no OpenAPI document");
  expect(() => modelFromSchema("acme/none", { paths: {} })).toThrow("has no input");
});
