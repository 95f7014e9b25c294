import { EnvironmentError } from "../errors/environment.ts";
import { rememberSecret, withoutSecret } from "../errors/secrets.ts";

/** A fal key that does not print: only `header()` reveals it, and only the transport asks for that. */
export class FalKey {
  readonly #value: string;
  /** Where it was found, for messages: `FAL_KEY`, `FAL_KEY_ID + FAL_KEY_SECRET` or `credentials`. */
  readonly source: string;

  private constructor(value: string, source: string) {
    this.#value = value;
    this.source = source;
  }

  /**
   * @throws {EnvironmentError} when `raw` is not `key_id:key_secret`; the message never holds any of it.
   */
  static parse(raw: string, source = "credentials"): FalKey {
    const value = raw.trim();
    const problem = whatIsWrong(value);
    if (problem) {
      throw new EnvironmentError(
        "invalid_variable",
        source,
        problem,
        "A fal key reads key_id:key_secret; copy it again from the fal dashboard, where keys are made.",
      );
    }
    rememberSecret(value.slice(value.indexOf(":") + 1));
    return new FalKey(value, source);
  }

  /** The value of the `Authorization` header. */
  header(): string {
    return `Key ${this.#value}`;
  }

  /** What fal's dashboard and its bill call this key: no secret. */
  get id(): string {
    return this.#value.slice(0, this.#value.indexOf(":"));
  }

  /** Enough of the key's id to tell two keys apart, and nothing of the secret. */
  redacted(): string {
    const { id } = this;
    return `${id.slice(0, Math.min(6, Math.floor(id.length / 2)))}…:…`;
  }

  /** A text without this key and its secret half, in whichever form: a server may quote what it was sent. */
  hideIn(text: string): string {
    const secret = this.#value.slice(this.#value.indexOf(":") + 1);
    return withoutSecret(text.replaceAll(this.#value, this.redacted()), secret);
  }

  toString(): string {
    return this.redacted();
  }

  toJSON(): string {
    return this.redacted();
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `FalKey(${this.redacted()})`;
  }
}

function whatIsWrong(value: string): string | undefined {
  if (value === "") return "is empty";
  if (/^["'].*["']$/.test(value)) return "has quotation marks around it";
  if (/^(key|bearer)\s/i.test(value)) return "begins with an authorization scheme";
  if (/\s/.test(value)) return "has white space inside";
  if (!/^[\x21-\x7e]+$/.test(value)) return "has characters that no key has";
  const parts = value.split(":");
  if (parts.length === 1) return "has no colon, so its secret is missing";
  if (parts.length > 2) return "has more than one colon";
  if (parts.some((part) => part === "")) return "has nothing on one side of the colon";
  return undefined;
}

export const MISSING_KEY = {
  problem: "is not set",
  cure:
    "In a fal app the platform injects it at run time, into apps with privileged access, and never while the image " +
    "is built: make the call from a handler or from setup, not at build time. Elsewhere set FAL_KEY=key_id:key_secret " +
    "(or FAL_KEY_ID and FAL_KEY_SECRET), or pass createFal({ credentials }). Without one, everything can be tried on the " +
    "emulator: npx fal-chain emulate -- node app.js",
};
