import { expect, test } from "vitest";
import { inEnvironment, namedFile } from "../../src/runners/name.ts";

const resolve = (file: string) => `/project/${file}`;

test.each([
  ["poster.ts", "poster"],
  ["apps/poster/app.ts", "poster"],
  ["apps/Poster Maker/index.js", "poster-maker"],
  ["ads=apps/poster/app.ts", "ads"],
])("%s is the app %s", (word, name) => {
  expect(namedFile(word, resolve).name).toBe(name);
});

test.each(["a/b=app.ts", "=app.ts", "a--b=app.ts"])("%s names no app", (word) => {
  expect(() => namedFile(word, resolve)).toThrow(/is not the name of an app/);
});

test("another environment has apps of its own", () => {
  expect([inEnvironment("ads", "main"), inEnvironment("ads", "staging")]).toEqual(["ads", "ads--staging"]);
});
