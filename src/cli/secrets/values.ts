import { InvalidArgumentError } from "../../index.ts";
import { assertSecretName } from "../../secrets/secrets.ts";
import type { Io } from "../cli.ts";

/**
 * `["TOKEN=abc", "PEM=-"]` as names and values; a value of `-` is standard input. Whatever is wrong, no argument is repeated:
 * it may be the secret.
 *
 * @throws {InvalidArgumentError} saying which argument it is.
 */
export async function parseSecrets(
  pairs: readonly string[],
  { stdin, stderr }: Pick<Io, "stdin" | "stderr">,
): Promise<Record<string, string>> {
  const values: [string, string][] = [];
  for (const [index, pair] of pairs.entries()) {
    const at = pair.indexOf("=");
    if (at < 1 || pair.startsWith("-")) {
      throw new InvalidArgumentError(
        `Argument ${index + 1} of set is neither NAME=VALUE nor an option (it is not shown: it may be the secret). ` +
          "Use = between name and value; NAME=- reads standard input.",
      );
    }
    assertSecretName(pair.slice(0, at));
    values.push([pair.slice(0, at), pair.slice(at + 1)]);
  }
  const piped = values.filter(([, value]) => value === "-").map(([name]) => name);
  if (piped.length > 1) {
    throw new InvalidArgumentError(`Standard input is one value: set ${piped.join(" and ")} one by one.`);
  }
  const [name] = piped;
  if (name !== undefined && "isTTY" in stdin && stdin.isTTY) {
    stderr.write(`The value of ${name}, and Ctrl-D on a line of its own:\n`);
  }
  const read = name === undefined ? "" : await readValue(name, stdin);
  return Object.fromEntries(values.map(([name, value]) => [name, value === "-" ? read : value]));
}

/** One line is the line without its end, which `echo` adds; of several lines, as of a PEM file, each byte is kept. */
async function readValue(name: string, stdin: Io["stdin"]): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stdin) chunks.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new InvalidArgumentError(`Standard input, the value of ${name}, is no UTF-8 text.`);
  }
  return /^[^\r\n]*\r?\n$/.test(text) ? text.replace(/\r?\n$/, "") : text;
}
