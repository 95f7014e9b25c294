import pg from "pg";
import { afterAll, beforeAll, inject } from "vitest";

/** The URL of the PostgreSQL server that all tests share; take a schema of your own. The first call starts it. */
export async function postgresUrl(): Promise<string> {
  const answer = await fetch(inject("postgres"));
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return text;
}

/** The same for all tests of a file, with a connection of theirs. Both are there once the first of them begins. */
export function postgres(): { readonly url: string; readonly admin: pg.Client } {
  const there: { url: string; admin?: pg.Client } = { url: "" };
  beforeAll(async () => {
    there.url = await postgresUrl();
    there.admin = new pg.Client(there.url);
    await there.admin.connect();
  }, 60_000);
  afterAll(() => there.admin?.end());
  return there as ReturnType<typeof postgres>;
}

/** A schema that nobody else has. */
export const freshSchema = (): string => `test_${crypto.randomUUID().replaceAll("-", "")}`;
