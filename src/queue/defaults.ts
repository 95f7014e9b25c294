/** What an endpoint takes for the fields that an input leaves out, by their names. */
export type Defaults = Readonly<Record<string, unknown>>;

const KEY = Symbol.for("fal-chain.defaults");

/** Shared by every copy of the package: what was pulled is an entry point of its own. */
const known = (): Map<string, () => Defaults> => {
  const global = globalThis as { [KEY]?: Map<string, () => Defaults> };
  global[KEY] ??= new Map();
  return global[KEY];
};

/** @param defaults Asked when they are needed, and once. */
export function noteDefaults(endpoint: string, defaults: () => Defaults): void {
  let found: Defaults | undefined;
  known().set(endpoint, () => {
    found ??= defaults();
    return found;
  });
}

/** Undefined for an endpoint that nobody has pulled, or whose module is not loaded. */
export const defaultsOf = (endpoint: string): Defaults | undefined => known().get(endpoint)?.();
