import type { Command } from "commander";
import type { Cli } from "../cli.ts";

const HELP = `
They are for apps that run on this machine; fal's own command, fal secrets,
takes the same words for those that run there. They are kept in a file that only
this user can read (FAL_CHAIN_SECRETS, else secrets.json among the user's data),
and no command prints a value.

An app gets the secrets that it lists, or those that are exposed by default.

Examples:
  fal-chain secrets set HF_TOKEN=- < token.txt
  fal-chain secrets set API_KEY=abc DATABASE_URL=postgres://… --env staging
  fal-chain secrets list --env staging
  fal-chain secrets unset HF_TOKEN
`;

const HELP_SET = `
A value of - is read from standard input, so that it is in no shell history and
in no list of processes: one line without its end, or a whole file.

A new value leaves the exposure as it was. A new secret has the account's
default, which on this machine is to expose it.

Examples:
  fal-chain secrets set HF_TOKEN=- < token.txt
  fal-chain secrets set TLS_KEY=- --not-exposed-by-default < key.pem
`;

const ENVIRONMENT = ["--env <name>", "of this environment (default: FAL_ENV, else main)"] as const;

export function addSecrets(program: Command, cli: Cli): void {
  const secrets = program
    .command("secrets")
    .alias("secret")
    .summary("Sets, lists and unsets the secrets of apps that run here.")
    .description("The secrets of apps that run on this machine. Prints no value.")
    .enablePositionalOptions()
    .addHelpText("after", HELP);
  addSet(secrets, cli);
  addList(secrets, cli);
  addUnset(secrets, cli);
  // What was mistyped may be a secret.
  for (const command of [secrets, ...secrets.commands]) {
    command.configureOutput({
      outputError: (text, write) =>
        write(text.replace(/=.*/s, "=…'\n").replace(/( but got \d+).*/s, "$1.\n")),
    });
  }
}

function addSet(secrets: Command, cli: Cli): void {
  secrets
    .command("set")
    .description("Sets secrets, all or none.")
    .argument("<NAME=VALUE...>", "a value of - is read from standard input")
    .option(...ENVIRONMENT)
    .option("--exposed-by-default", "give it to apps that list no secrets")
    .option("--not-exposed-by-default", "give it only to apps that list it")
    // An unknown option is told of without its text, as any argument is that makes no sense.
    .allowUnknownOption()
    .addHelpText("after", HELP_SET)
    .action(async (pairs, options) => {
      const { setHere } = await import("../secrets/secrets.ts");
      cli.exitCode = await setHere(cli.io, pairs, options);
    });
}

function addList(secrets: Command, cli: Cli): void {
  secrets
    .command("list")
    .description("Lists the names of secrets, and which apps get them.")
    .option(...ENVIRONMENT)
    .option("--json", "print them as JSON, as fal's own command does")
    .action(async (options) => {
      const { listHere } = await import("../secrets/secrets.ts");
      cli.exitCode = listHere(cli.io, options);
    });
}

function addUnset(secrets: Command, cli: Cli): void {
  secrets
    .command("unset")
    .description("Removes a secret.")
    .argument("<NAME>")
    .option(...ENVIRONMENT)
    .action(async (name, options) => {
      const { unsetHere } = await import("../secrets/secrets.ts");
      cli.exitCode = await unsetHere(cli.io, name, options);
    });
}
