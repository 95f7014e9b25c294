import { InvalidArgumentError } from "../../index.ts";
import { secretsFile } from "../../secrets/file.ts";
import {
  environmentName,
  type ListedSecret,
  listSecrets,
  setSecrets,
  unsetSecret,
} from "../../secrets/secrets.ts";
import { drawTable, EXIT, printableJson } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { parseSecrets } from "./values.ts";

interface OfEnvironment {
  readonly env?: string;
}

interface SetOptions extends OfEnvironment {
  readonly exposedByDefault?: boolean;
  readonly notExposedByDefault?: boolean;
}

/** Sets secrets for the apps that are run on this machine. */
export async function setHere(io: Io, pairs: readonly string[], options: SetOptions): Promise<number> {
  const { env, exposedByDefault, notExposedByDefault } = options;
  if (exposedByDefault && notExposedByDefault) {
    throw new InvalidArgumentError("Say one of --exposed-by-default and --not-exposed-by-default.");
  }
  const environment = environmentName(io.env, env);
  const values = await parseSecrets(pairs, io);
  const exposed = exposedByDefault ? true : notExposedByDefault ? false : undefined;
  await setSecrets(io.env, values, { environment, ...(exposed !== undefined && { exposed }) });
  io.stderr.write(`Set ${Object.keys(values).join(", ")} in ${environment}: ${secretsFile(io.env)}\n`);
  return EXIT.ok;
}

/** Prints which there are, and no value. */
export function listHere({ env, stdout }: Io, options: OfEnvironment & { readonly json?: boolean }): number {
  const secrets = listSecrets(env, { environment: options.env });
  if (options.json) stdout.write(`${printableJson({ secrets: secrets.map(asFalShows) })}\n`);
  else if (secrets.length === 0)
    stdout.write(`No secrets are set in ${environmentName(env, options.env)}.\n`);
  else stdout.write(`${drawTable(secrets, COLUMNS, stdout)}\n`);
  return EXIT.ok;
}

/** With the names that fal's own command has. */
const asFalShows = ({ name, environment, createdAt, exposed }: ListedSecret) => ({
  name,
  environment,
  created_at: createdAt,
  default_exposed: exposed ?? null,
});

const COLUMNS = [
  { name: "name", align: "left", cell: ({ name }: ListedSecret) => name },
  { name: "environment", align: "left", cell: ({ environment }: ListedSecret) => environment },
  { name: "created", align: "left", cell: ({ createdAt }: ListedSecret) => createdAt },
  {
    name: "exposed by default",
    align: "left",
    cell: ({ exposed }: ListedSecret) => (exposed === undefined ? "account default" : exposed ? "yes" : "no"),
  },
] as const;

export async function unsetHere(io: Io, name: string, options: OfEnvironment): Promise<number> {
  const environment = environmentName(io.env, options.env);
  if (await unsetSecret(io.env, name, { environment })) return EXIT.ok;
  throw new InvalidArgumentError(`There is no secret ${name} in ${environment}. See fal-chain secrets list.`);
}
