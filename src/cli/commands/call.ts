import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { collect, STORE } from "../options.ts";

const HELP = `
Fields read name=value. A value that is JSON is taken as JSON, any other value
as text; a dot goes one level down: image_size.width=512. A text that looks like
a number needs quotation marks of its own: prompt='"1984"'.

The status goes to standard error, the output to standard output: JSON, or with
--out the names of the files. Giving up (Ctrl-C, --timeout) cancels the request
at fal, and says what became of it.

Examples:
  fal-chain call fal-ai/flux/schnell prompt="a fox" num_images=2
  fal-chain call fal-ai/flux/schnell prompt="a fox" --json | jq .cost.usd
  fal-chain call fal-ai/esrgan image_url=https://example.com/fox.png --out big
  fal-chain call acme/painter --input in.json --tag customer=acme --timeout 5m
  fal-chain emulate -- fal-chain call fal-ai/flux/schnell prompt="a fox"
`;

export function addCall(program: Command, cli: Cli): void {
  program
    .command("call")
    .description("Calls an endpoint and prints its output.")
    .argument("<endpoint>", "such as fal-ai/flux/schnell")
    .argument("[field=value...]", 'the input: prompt="a fox" num_images=2')
    .option("--input <file>", "JSON object to start the input from; - is standard input")
    .option("--json", "print the whole result as JSON: data, request id, tags, cost…")
    .option("--out <dir>", "download the files of the output")
    .option("--tag <key=value>", "tag for billing; may be given up to five times", collect)
    .option("--timeout <duration>", "give up and cancel after 90s, 5m, 500ms…")
    .option("--ambiguous-submit <policy>", "look-up, throw, resubmit-if-unseen or resubmit")
    .option(...STORE)
    .showHelpAfterError(
      'Fields of the input are written prompt="a fox", without dashes. See fal-chain help call.',
    )
    .addHelpText("after", HELP)
    .action(async (endpoint, fields, options) => {
      const { callEndpoint } = await import("../call.ts");
      cli.exitCode = await callEndpoint(cli.io, endpoint, fields, options);
    });
}
