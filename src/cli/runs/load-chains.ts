import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Chain, type Fal, InvalidArgumentError } from "../../index.ts";

type AnyChain = Chain<never, unknown>;

/** What a module exports, and what its default export holds. @throws {InvalidArgumentError} saying why it cannot be loaded. */
export async function loadModule(file: string): Promise<readonly unknown[]> {
  const url = pathToFileURL(resolve(file)).href;
  let exported: Record<string, unknown>;
  try {
    exported = (await import(url)) as Record<string, unknown>;
  } catch (cause) {
    throw new InvalidArgumentError(`${file} could not be loaded: ${reason(cause, url)}`, { cause });
  }
  const held = exported["default"];
  return [...Object.values(exported), ...(isObject(held) ? Object.values(held) : [])];
}

/** @throws {InvalidArgumentError} naming the chains that are there. */
export function chainOf(exported: readonly unknown[], name: string, file: string): AnyChain {
  const chains = exported.filter(isChain);
  const chain = chains.find((one) => one.name === name);
  if (chain) return chain;
  const names = [...new Set(chains.map((one) => one.name))];
  const there = names.length === 0 ? "It exports no chain." : `It exports ${names.join(", ")}.`;
  throw new InvalidArgumentError(
    `${file} does not export the chain ${JSON.stringify(name)}. ${there} Export what fal.chain(${JSON.stringify(name)}, …) gives.`,
  );
}

export const clientsOf = (exported: readonly unknown[]): Fal[] => [...new Set(exported.filter(isClient))];

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

const has = (value: unknown, ...methods: string[]): value is Record<string, unknown> =>
  isObject(value) && methods.every((name) => typeof value[name] === "function");

const isChain = (value: unknown): value is AnyChain =>
  has(value, "start", "resume") && typeof value["name"] === "string";

const isClient = (value: unknown): value is Fal => has(value, "chain", "subscribe", "close");

const OLD_NODE = `Node ${process.versions.node} does not read TypeScript. Use Node 22.18 or newer, or load the compiled JavaScript.`;

function reason(cause: unknown, url: string): string {
  const { code, message = String(cause) } = (cause ?? {}) as { code?: string; message?: string };
  switch (code) {
    case "ERR_UNKNOWN_FILE_EXTENSION":
      return /\.[cm]?tsx?$/.test(url) ? OLD_NODE : message;
    case "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX":
      return `${message}. Node leaves types out and translates nothing else, such as enums: load the compiled JavaScript.`;
    case "ERR_MODULE_NOT_FOUND":
      return message.includes(url.replace("file://", "")) ? "there is no such file." : message;
    default:
      return message;
  }
}
