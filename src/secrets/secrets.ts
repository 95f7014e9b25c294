import { type Clock, systemClock } from "../base/clock.ts";
import type { Env } from "../environment/environment.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { rememberSecret } from "../errors/secrets.ts";
import { changeSecrets, type KeptSecret, readSecrets, secretsFile } from "./file.ts";

/** Of which environment, and to which apps. */
export interface SecretsScope {
  /** @default `FAL_ENV`, else `main` */
  readonly environment?: string | undefined;
}

/** A secret without its value. */
export interface ListedSecret {
  readonly name: string;
  readonly environment: string;
  readonly createdAt: string;
  /** Undefined: the account's default decides; at home that is to expose it. */
  readonly exposed: boolean | undefined;
}

/** The environment of an app or a secret: the one that is named, else `FAL_ENV`, else `main`. @throws {InvalidArgumentError} */
export function environmentName(env: Env, given?: string): string {
  const name = given ?? (env["FAL_ENV"]?.trim() || "main");
  if (/^[A-Za-z0-9][\w-]*$/.test(name) && !(name in Object.prototype)) return name;
  throw new InvalidArgumentError(
    `${JSON.stringify(name)} is not the name of an environment. It is of letters, digits, - and _, such as staging.`,
  );
}

/**
 * The variables that a runner of an app gets: the secrets that it lists, or without a list those that are exposed by default.
 * What is listed and not set is absent. From now on no log line of ours shows their values.
 *
 * @param names The app's `secrets`. @throws {StoreError} saying what is wrong with the file; never with a value
 * @example secretsFor(process.env, { environment: "staging", names: ["OPENAI_API_KEY"] })
 */
export function secretsFor(
  env: Env,
  { environment, names }: SecretsScope & { readonly names?: readonly string[] | undefined } = {},
): Readonly<Record<string, string>> {
  const kept = ofEnvironment(env, environment);
  const isGiven = ([name, { exposed }]: [string, KeptSecret]) =>
    names ? names.includes(name) : exposed !== false;
  const given = Object.entries(kept).filter(isGiven);
  for (const [, { value }] of given) rememberSecret(value);
  return Object.fromEntries(given.map(([name, { value }]) => [name, value]));
}

/** By name, without their values. @throws {StoreError} */
export function listSecrets(env: Env, { environment }: SecretsScope = {}): readonly ListedSecret[] {
  const of = environmentName(env, environment);
  return Object.entries(ofEnvironment(env, of))
    .map(([name, { createdAt, exposed }]) => ({ name, environment: of, createdAt, exposed }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

const ofEnvironment = (env: Env, environment: string | undefined) =>
  readSecrets(secretsFile(env))[environmentName(env, environment)] ?? {};

/**
 * Sets secrets, all or none. A new value of one that there is leaves its exposure as it was, unless `exposed` says otherwise.
 *
 * @throws {InvalidArgumentError} for a name or a value that no process can be given. @throws {StoreError}
 */
export async function setSecrets(
  env: Env,
  values: Readonly<Record<string, string>>,
  { environment, exposed, clock = systemClock }: SecretsScope & { exposed?: boolean; clock?: Clock } = {},
): Promise<void> {
  const of = environmentName(env, environment);
  for (const [name, value] of Object.entries(values)) {
    assertSecretName(name);
    assertSecretValue(name, value);
    rememberSecret(value);
  }
  const now = new Date(clock.now()).toISOString();
  await changeSecrets(
    secretsFile(env),
    (kept) => {
      const before = kept[of] ?? {};
      const set = Object.entries(values).map(([name, value]): [string, KeptSecret] => [
        name,
        { createdAt: now, ...before[name], value, ...(exposed !== undefined && { exposed }) },
      ]);
      return { ...kept, [of]: { ...before, ...Object.fromEntries(set) } };
    },
    clock,
  );
}

/** @returns whether there was one. @throws {StoreError} */
export async function unsetSecret(
  env: Env,
  name: string,
  { environment, clock = systemClock }: SecretsScope & { clock?: Clock } = {},
): Promise<boolean> {
  assertSecretName(name);
  const of = environmentName(env, environment);
  if (ofEnvironment(env, of)[name] === undefined) return false;
  await changeSecrets(
    secretsFile(env),
    (kept) => {
      const { [name]: _, ...others } = kept[of] ?? {};
      return { ...kept, [of]: others };
    },
    clock,
  );
  return true;
}

/** What is no name may be a secret in the wrong place, so it is not repeated. @throws {InvalidArgumentError} */
export function assertSecretName(name: string): void {
  if (!/^[A-Za-z_]\w*$/.test(name) || name in Object.prototype) {
    throw new InvalidArgumentError(
      "That is not the name of a secret, so it is not shown here. A name is of letters, digits and _, such as OPENAI_API_KEY.",
    );
  }
  if (/^FAL_(?!CHAIN_)/i.test(name)) {
    throw new InvalidArgumentError(
      `${name} cannot be a secret: names that begin with FAL_ belong to the platform. Choose another name.`,
    );
  }
}

/** What Linux gives a process of one variable, its name and the byte that ends it included. */
const MOST_BYTES = 128 * 1024;

function assertSecretValue(name: string, value: string): void {
  const bytes = Buffer.byteLength(`${name}=${value}`) + 1;
  if (value.isWellFormed() && !value.includes("\0") && bytes <= MOST_BYTES) return;
  const why = bytes > MOST_BYTES ? "is longer than 128 KiB" : "holds a NUL or is no UTF-8 text";
  throw new InvalidArgumentError(
    `The value of ${name} ${why}: no process can be given it as a variable. Encode it, or keep it in a file.`,
  );
}
