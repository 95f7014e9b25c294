import type { Store } from "../journal/store.ts";
import { nameOf } from "./postgres/name.ts";

/** What the text of `FAL_CHAIN_STORE` asks for. */
export type Selected =
  | { readonly kind: "memory" }
  | { readonly kind: "sqlite"; readonly path: string }
  | { readonly kind: "postgres"; readonly url: string };

/** Undefined for a text that names no store. */
export function parseSelector(text: string): Selected | undefined {
  if (text === "memory") return { kind: "memory" };
  if (/^postgres(ql)?:\/\//.test(text)) return { kind: "postgres", url: text };
  const path = /^sqlite:(.+)$/.exec(text)?.[1] ?? (isPathOfDatabase(text) ? text : undefined);
  return path === undefined ? undefined : { kind: "sqlite", path };
}

const isPathOfDatabase = (text: string): boolean => /\.(db|sqlite3?)$/.test(text) && !text.includes("://");

/** What is known of the store that a text names before it is opened. */
export function factsOf(text: string): Pick<Store, "name" | "durable" | "keep"> {
  return { name: storeName(text), durable: text !== "memory", keep: "all" };
}

function storeName(text: string): string {
  const selected = parseSelector(text);
  if (selected?.kind === "memory") return "memory";
  if (selected?.kind === "postgres" && URL.canParse(selected.url)) return nameOf(selected.url);
  if (selected?.kind === "sqlite") {
    return globalThis.process?.getBuiltinModule?.("node:path").resolve(selected.path) ?? selected.path;
  }
  // It may be a mistyped URL with a password in it, so it is not repeated.
  return "FAL_CHAIN_STORE";
}
