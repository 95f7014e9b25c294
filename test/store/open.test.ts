import { join } from "node:path";
import { InvalidArgumentError } from "fal-chain";
import { expect, onTestFinished, test } from "vitest";
import { openStore } from "../../src/store/open.ts";
import { postgresUrl } from "../support/postgres.ts";
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
    await store.intend(intent("x"));
    expect(store).toMatchObject({ name: path, durable: true });
  }
});

test("a text names a database", async () => {
  const url = await postgresUrl();
  const store = await open(url.replace("postgres:", "postgresql:"));
  expect(store).toMatchObject({ name: `postgres://${new URL(url).host}/postgres`, durable: true });
  expect(await store.call("nobody")).toBeUndefined();
  expect(await open("postgres://here/my.db")).toMatchObject({ name: "postgres://here/my.db" });
}, 60_000);

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
