import { expect, test } from "vitest";
import { digestOf, takeInput } from "../../src/storage/attachments.ts";

const blob = (text: string, type = "image/png") => new Blob([text], { type });
const keyOf = (input: unknown) => takeInput(input).json(digestOf);

test("an input's digests depend on bytes and types alone", async () => {
  const a = await keyOf({ image: blob("abc") });
  expect(a).toBe(
    '{"image":"blob:sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad:image/png"}',
  );
  expect(await keyOf({ image: blob("abc") })).toBe(a);
  expect(await keyOf({ image: new File(["abc"], "other.png", { type: "image/png" }) })).toBe(a);
  expect(await keyOf({ image: blob("abd") })).not.toBe(a);
  expect(await keyOf({ image: blob("abc", "image/webp") })).not.toBe(a);
});

test("an attachment that occurs twice is placed once, and equal ones each", async () => {
  const placed: Blob[] = [];
  const [one, other] = [blob("x"), blob("x")];
  const json = await takeInput({ a: one, b: [one, other] }).json(async (file) => {
    placed.push(file);
    return `#${placed.length}`;
  });
  expect([json, placed]).toEqual(['{"a":"#1","b":["#1","#2"]}', [one, other]]);
});

test("at most four are placed at once, and none after one has failed", async () => {
  let now = 0;
  let most = 0;
  let begun = 0;
  const files = Array.from({ length: 12 }, (_, index) => blob(`${index}`));
  const place = async (file: Blob) => {
    begun += 1;
    most = Math.max(most, ++now);
    await new Promise((resolve) => setImmediate(resolve));
    now -= 1;
    if ((await file.text()) === "5") throw new Error("no");
    return "u";
  };
  await expect(takeInput({ files }).json(place)).rejects.toThrow("no");
  expect(most).toBe(4);
  await new Promise((resolve) => setTimeout(resolve));
  expect(begun).toBeLessThan(12);
});

test("what JSON cannot say is told at once, naming the field", () => {
  expect(() => takeInput({ a: blob("x"), b: Symbol("x") })).toThrow("input.b is a symbol");
});

test("an input is taken as it was, whatever becomes of it and whatever its texts are like", async () => {
  const input = { n: 1, file: blob("x"), text: '"$&-0"' };
  const taken = takeInput(input);
  input.n = 2;
  input.text = "";
  expect(JSON.parse(await taken.json(async () => 'a "$1" b'))).toEqual({
    n: 1,
    file: 'a "$1" b',
    text: '"$&-0"',
  });
});
