import type { StandardSchemaV1 } from "@standard-schema/spec";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { EnvironmentError } from "../errors/environment.ts";
import { rememberSecret } from "../errors/secrets.ts";
import { ambientEnv, type Env } from "./environment.ts";

/**
 * Reads the user's own secrets, checked and typed by a schema each (zod, valibot, arktype: any Standard Schema). What was
 * read so shows in no log line, and in no failure that is kept: from eight characters on in whichever form, from four on where
 * it stands as a word of its own. What is shorter is not hidden.
 *
 * @example const { DATABASE_URL } = secrets({ DATABASE_URL: z.url() });
 * @throws {InvalidArgumentError} for `FAL_*` names, which belong to the platform.
 * @throws {EnvironmentError} naming the first secret that is missing or does not match; it never holds the value.
 */
export function secrets<S extends Readonly<Record<string, StandardSchemaV1<unknown, unknown>>>>(
  schemas: S,
  env: Env = ambientEnv(),
): { readonly [K in keyof S]: StandardSchemaV1.InferOutput<S[K]> } {
  const values: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(schemas)) {
    if (name.startsWith("FAL_")) {
      throw new InvalidArgumentError(
        `${name} is not a user secret: names that begin with FAL_ belong to the platform. Choose another name.`,
      );
    }
    values[name] = readSecret(name, schema, env[name]);
  }
  return Object.freeze(values) as { readonly [K in keyof S]: StandardSchemaV1.InferOutput<S[K]> };
}

function readSecret(name: string, schema: StandardSchemaV1<unknown, unknown>, raw: string | undefined) {
  if (raw !== undefined) rememberSecret(raw);
  const checked = schema["~standard"].validate(raw);
  if (checked instanceof Promise) {
    throw new InvalidArgumentError(`The schema of ${name} is asynchronous; secrets are read synchronously.`);
  }
  if (!checked.issues) return checked.value;
  if (raw === undefined) {
    throw new EnvironmentError(
      "missing_variable",
      name,
      "is not set",
      `On fal: fal secrets set ${name}=…, and list it in the app's secrets. Elsewhere set it in the environment.`,
    );
  }
  // Some schema libraries quote what they were given.
  const reason = (checked.issues[0]?.message ?? "it does not match its schema").replaceAll(raw || "\0", "…");
  throw new EnvironmentError(
    "invalid_variable",
    name,
    `does not match its schema (${reason})`,
    "Set it to a value that does.",
  );
}
