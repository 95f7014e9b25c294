import { inject } from "vitest";

/** The URL of the PostgreSQL server that all tests share; take a schema of your own. The first call starts it. */
export async function postgresUrl(): Promise<string> {
  const answer = await fetch(inject("postgres"));
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return text;
}

/** A schema that nobody else has. */
export const freshSchema = (): string => `test_${crypto.randomUUID().replaceAll("-", "")}`;
