import type { Command } from "commander";
import type { Cli } from "../cli.ts";

const HELP = `
Searches names, descriptions and categories. A key is needed for prices only;
what a unit is, fal says with the price: an image, a megapixel, a second…

Examples:
  fal-chain models flux
  fal-chain models --category image-to-video --limit 100
  fal-chain models upscale --json | jq -r .[].id
`;

export function addModels(program: Command, cli: Cli): void {
  program
    .command("models")
    .summary("Searches fal's catalog of endpoints.")
    .description("Searches fal's catalog: endpoints with their titles, categories and prices.")
    .argument("[search...]", "words such as flux")
    .option("--category <name>", "such as text-to-image")
    .option("--limit <number>", "how many at most (default: 20)")
    .option("--json", "print them as JSON")
    .addHelpText("after", HELP)
    .action(async (words, options) => {
      const { listModels } = await import("../schemas/models.ts");
      cli.exitCode = await listModels(cli.io, words, options);
    });
}
