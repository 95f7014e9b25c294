/**
 * Broken connections, in one place: what Node's fetch makes of each, and what a server has to do to its socket so
 * that a client sees the same.
 */

/** How a connection ended without an answer. */
export type Break = "ECONNRESET" | "UND_ERR_SOCKET" | "ECONNREFUSED";

const TEXTS: Readonly<Record<Break, string>> = {
  ECONNRESET: "read ECONNRESET",
  UND_ERR_SOCKET: "other side closed",
  ECONNREFUSED: "connect ECONNREFUSED",
};

const breaks = new WeakMap<object, Break>();

/** The error of Node's fetch when no answer came: a TypeError that tells nothing, around a cause that has a code. */
export function brokenConnection(code: Break): TypeError {
  const error = new TypeError("fetch failed", { cause: causeOf(code) });
  breaks.set(error, code);
  return error;
}

/** The error of a body in Node's fetch whose connection was closed within it. */
export const brokenBody = (): TypeError => new TypeError("terminated", { cause: causeOf("UND_ERR_SOCKET") });

const causeOf = (code: Break): Error => {
  const syscall = { ECONNRESET: "read", ECONNREFUSED: "connect", UND_ERR_SOCKET: undefined }[code];
  return Object.assign(new Error(TEXTS[code]), { code, ...(syscall && { syscall }) });
};

/** How the connection broke, for an error that says so. */
export const breakOf = (error: unknown): Break | undefined =>
  error instanceof Error ? breaks.get(error) : undefined;
