import type { Command } from "commander";
import type { Cli } from "../cli.ts";

const HELP = `
Writes app.ts with a test, pyproject.toml and a Dockerfile that fal takes,
package.json and tsconfig.json. What is there already is left as it is.

--store postgres keeps calls where they outlive a runner, so that fal may send a
request again; without it fal is told not to.

Examples:
  fal-chain init ads
  fal-chain init --name ads --store postgres
  fal-chain init ads --package ./fal-chain-0.1.0.tgz
`;

export function addInit(program: Command, cli: Cli): void {
  program
    .command("init")
    .description("Writes an app that runs here and on fal.")
    .argument("[dir]", "where", ".")
    .option("--name <name>", "the app's name at fal (default: the directory's)")
    .option("--store <store>", "memory or postgres (default: memory)")
    .option("--package <spec>", "the version of fal-chain, or a packed file (default: this version)")
    .addHelpText("after", HELP)
    .action(async (path, options) => {
      const { initHere } = await import("../shipping/init.ts");
      cli.exitCode = initHere(cli.io, path, options);
    });
}
