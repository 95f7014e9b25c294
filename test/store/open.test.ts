import { join } from "node:path";
import { InvalidArgumentError } from "fal-chain";
import { expect, onTestFinished, test } from "vitest";
import { openStore } from "../../src/store/open.ts";
import { tempDir } from "../support/temp.ts";
import { intent } from "./samples.ts";

async function open(selector: string) {
  const store = await openStore(selector);
  onTestFinished(() => store.close());
  return store;
}

test("a text names the store in memory", async () => {
  expect(await open("memory")).toMatchObject({ name: "memory", durable: false });
});

test("a text names a file, by its form or its ending", async () => {
  const dir = tempDir();
  for (const [selector, path] of [
    [`sqlite:${join(dir, "a")}`, join(dir, "a")],
    [join(dir, "b.db"), join(dir, "b.db")],
    [join(dir, "c.sqlite"), join(dir, "c.sqlite")],
  ] as const) {
    const store = await open(selector);
    await store.calls.intend(intent("x"));
    expect(store).toMatchObject({ name: path, durable: true });
  }
});

test("a text names a database, of which nothing is asked yet", async () => {
  expect(await open("postgres://here/my.db")).toMatchObject({ name: "postgres://here/my.db" });
});

test.each([
  "",
  "sqlite:",
  "redis://me:hush@here",
  "redis://me:hush@here/my.db",
  "postgres:me:hush@here",
  "disk",
])("%j names none, and is not repeated", async (selector) => {
  const error = await openStore(selector).catch((error) => error);
  expect(error).toBeInstanceOf(InvalidArgumentError);
  expect(error.message).toMatch(/memory.*sqlite:PATH.*postgres:\/\//);
  expect(error.message).not.toContain("hush");
});
