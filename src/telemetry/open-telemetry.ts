type Api = typeof import("@opentelemetry/api");

let found: { readonly api: Api | undefined } | undefined;

/**
 * The OpenTelemetry API, where the program has it. Required, not imported, since a call must know at once whose child it
 * is; without Node's modules there are no spans.
 */
export function openTelemetry(): Api | undefined {
  found ??= { api: load() };
  return found.api;
}

function load(): Api | undefined {
  try {
    const node = globalThis.process?.getBuiltinModule?.("node:module");
    return node?.createRequire(import.meta.url)("@opentelemetry/api");
  } catch {
    return undefined;
  }
}
