import { inspect } from "node:util";

/** Everything that a careless logger could print of a value: text, JSON, own properties, stack, causes. */
export function printed(value: unknown): string {
  const parts = [
    inspect(value, { depth: null, showHidden: true, getters: true }),
    String(value),
    toJson(value),
  ];
  for (let error = value; error instanceof Error; error = error.cause) {
    parts.push(error.message, error.stack ?? "", inspect(error, { depth: 10 }), toJson({ ...error }));
  }
  return parts.join("\n");
}

function toJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return "";
  }
}
