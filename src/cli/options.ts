/** An option of every command that reads a store. */
export const STORE = [
  "--store <name>",
  "sqlite:FILE, postgres://… or memory, in place of FAL_CHAIN_STORE",
] as const;

/** For an option that may be given several times. */
export const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];
