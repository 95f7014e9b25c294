import { builtin } from "../base/builtin.ts";
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
  const path = text.startsWith("sqlite:") ? text.slice("sqlite:".length) : isPathOfDatabase(text) ? text : "";
  return path === "" || isOfServer(path) ? undefined : { kind: "sqlite", path };
}

const isPathOfDatabase = (text: string): boolean => /\.(db|sqlite3?)$/.test(text);

/** A URL, or the settings of a connection: no path, and perhaps with a password in it. */
export const isOfServer = (text: string): boolean => /:\/\/|\b(password|passwd|pwd)\s*=/i.test(text);

/** A store's name as it may be shown, whether or not it is one. */
export function shownSelector(text: string): string {
  const selected = parseSelector(text);
  if (selected === undefined || (selected.kind === "postgres" && !URL.canParse(selected.url))) {
    return "not the name of a store";
  }
  return selected.kind === "postgres" ? nameOf(selected.url) : text;
}

/** What is known of the store that a text names before it is opened. */
export function factsOf(text: string): Pick<Store, "name" | "durable" | "keep"> {
  return { name: storeName(text), durable: text !== "memory", keep: "all" };
}

function storeName(text: string): string {
  const selected = parseSelector(text);
  if (selected?.kind === "memory") return "memory";
  if (selected?.kind === "postgres" && URL.canParse(selected.url)) return nameOf(selected.url);
  if (selected?.kind === "sqlite") {
    return builtin("node:path")?.resolve(selected.path) ?? selected.path;
  }
  // It may be a mistyped URL with a password in it, so it is not repeated.
  return "FAL_CHAIN_STORE";
}
