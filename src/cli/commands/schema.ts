import type { Command } from "commander";
import type { Cli } from "../cli.ts";

const HELP = `
It needs no key. "file or URL": call takes a URL; in programs a Blob will do.

Examples:
  fal-chain schema fal-ai/flux/schnell
  fal-chain schema fal-ai/veo3 --json | jq .components.schemas
`;

export function addSchema(program: Command, cli: Cli): void {
  program
    .command("schema")
    .summary("Shows what an endpoint takes and gives.")
    .description("Shows what an endpoint takes and gives: fields, types, limits, defaults.")
    .argument("<endpoint>", "such as fal-ai/flux/schnell")
    .option("--json", "print its OpenAPI document")
    .addHelpText("after", HELP)
    .action(async (endpoint, options) => {
      const { showSchema } = await import("../schemas/show.ts");
      cli.exitCode = await showSchema(cli.io, endpoint, options);
    });
}
