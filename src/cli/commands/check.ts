import type { Command } from "commander";
import type { Cli } from "../cli.ts";

const HELP = `
Holds pyproject.toml against the keys that fal knows, its Dockerfiles against
what works in a runner, and builds what can be built without fal: the types, and
an import of the program with nothing in its environment.

Exits with 1 if there is an error; a warning can be meant so.

Examples:
  fal-chain check
  fal-chain check apps/ads/pyproject.toml --json
`;

export function addCheck(program: Command, cli: Cli): void {
  program
    .command("check")
    .summary("Finds what fal would refuse of an app's project.")
    .description("Finds what fal would refuse of an app's project, before it is deployed.")
    .argument("[path]", "pyproject.toml, or its directory", ".")
    .option("--json", "print what was found as JSON")
    .addHelpText("after", HELP)
    .action(async (path, options) => {
      const { checkHere } = await import("../shipping/check.ts");
      cli.exitCode = await checkHere(cli.io, path, options);
    });
}
