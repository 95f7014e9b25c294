type Name =
  | "node:async_hooks"
  | "node:crypto"
  | "node:fs"
  | "node:fs/promises"
  | "node:os"
  | "node:path"
  | "node:sqlite";

/** What a module of Node's has. */
export type Builtin<N extends Name> = ReturnType<typeof process.getBuiltinModule<N>>;

/**
 * One of Node's modules, found without an import, so that bundlers for other runtimes are not disturbed. Undefined where the
 * runtime has none, and where it has a function in its place that throws, as Next's edge runtime does.
 */
export function builtin<N extends Name>(name: N): Builtin<N> | undefined {
  try {
    return globalThis.process?.getBuiltinModule?.(name);
  } catch {
    return undefined;
  }
}
