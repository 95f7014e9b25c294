import type { StandardSchemaV1 } from "@standard-schema/spec";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { EnvironmentError } from "../errors/environment.ts";
import { rememberSecret } from "../errors/secrets.ts";
import { ambientEnv, type Env } from "./environment.ts";

/**
 * Reads the user's own secrets, checked and typed by a schema each (zod, valibot, arktype: any Standard Schema). What was
 * read so shows in no log line.
 *
 * @example const { DATABASE_URL } = secrets({ DATABASE_URL: z.url() });
 * @throws {InvalidArgumentError} for `FAL_*` names, which belong to the platform.
 * @throws {EnvironmentError} naming every secret that is missing or does not match; it never holds a value.
 */
export function secrets<S extends Readonly<Record<string, StandardSchemaV1<unknown, unknown>>>>(
  schemas: S,
  env: Env = ambientEnv(),
): { readonly [K in keyof S]: StandardSchemaV1.InferOutput<S[K]> } {
  const names = Object.keys(schemas);
  for (const name of names) checkName(name);
  const read = Object.entries(schemas).map(([name, schema]) => readSecret(name, schema, env[name]));
  const bad = read.filter(({ problem }) => problem !== undefined);
  if (bad.length > 0) throw cannotUse(bad);
  const values = Object.fromEntries(read.map(({ name, value }) => [name, value]));
  return Object.freeze(values) as { readonly [K in keyof S]: StandardSchemaV1.InferOutput<S[K]> };
}

function checkName(name: string): void {
  if (!name.startsWith("FAL_")) return;
  throw new InvalidArgumentError(
    `${name} is not a user secret: names that begin with FAL_ belong to the platform. Choose another name.`,
  );
}

/** A secret as its schema makes it, or what is wrong with it. */
interface Read {
  readonly name: string;
  readonly value?: unknown;
  readonly isMissing?: boolean;
  readonly problem?: string;
}

function readSecret(name: string, schema: StandardSchemaV1<unknown, unknown>, raw: string | undefined): Read {
  if (raw !== undefined) rememberSecret(raw);
  const checked = schema["~standard"].validate(raw);
  if (checked instanceof Promise) {
    throw new InvalidArgumentError(`The schema of ${name} is asynchronous; secrets are read synchronously.`);
  }
  if (!checked.issues) return { name, value: checked.value };
  if (raw === undefined) return { name, isMissing: true, problem: "is not set" };
  // Some schema libraries quote what they were given.
  const reason = (checked.issues[0]?.message ?? "it does not match its schema").replaceAll(raw || "\0", "…");
  return { name, problem: `does not match its schema (${reason})` };
}

/** All of them at once, so that nobody finds them one start after the other. */
function cannotUse(bad: readonly Read[]): EnvironmentError {
  const [{ name, problem }, ...others] = bad as [Read, ...Read[]];
  const more = others.map((other) => `, ${other.name} ${other.problem}`).join("");
  const missing = bad.filter(({ isMissing }) => isMissing).map((other) => `${other.name}=…`);
  const set = (missing.length > 0 ? missing : bad.map((other) => `${other.name}=…`)).join(" ");
  return new EnvironmentError(
    missing.length > 0 ? "missing_variable" : "invalid_variable",
    name,
    `${problem}${more}`,
    `On fal: fal secrets set ${set}, and list each in the app's secrets. Under fal-chain dev: fal-chain secrets set ${set}. ` +
      "Elsewhere: set it in the environment.",
  );
}
