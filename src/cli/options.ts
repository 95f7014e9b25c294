/** An option of every command that reads a store. */
export const STORE = [
  "--store <name>",
  "sqlite:FILE, postgres://… or memory, in place of FAL_CHAIN_STORE",
] as const;

/** An option of every command that lists or adds up. */
export const SINCE = ["--since <when>", "7d, 12h or a date such as 2026-11-24"] as const;

/** For an option that may be given several times. */
export const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];
