import type { Command } from "commander";
import { InvalidArgumentError } from "../../errors/arguments.ts";
import type { Cli } from "../cli.ts";

const HELP = `
Reads the OpenAPI documents of the endpoints, and writes one module: a type for
each input and output, which subscribe knows wherever the file is compiled, and
an endpoint each, whose input is checked before it is paid. It needs no key.

The file keeps the endpoints that it has; without ids they are renewed. It is
the same for the same documents, so commit it.

With --check nothing is written. It says what fal has changed since, and exits
with 1 where that breaks code that was right: a field that is required now, a
value or a field that is gone, a type that is narrower.

Examples:
  fal-chain pull fal-ai/flux/schnell fal-ai/veo3
  fal-chain pull fal-ai/whisper --out src/fal-endpoints.ts
  fal-chain pull
  fal-chain pull --check
  fal-chain emulate -- fal-chain pull fal-ai/flux/schnell
`;

export function addPull(program: Command, cli: Cli): void {
  program
    .command("pull")
    .summary("Writes the types of endpoints into your project.")
    .description("Writes what endpoints take and give into a module of your project.")
    .argument("[endpoint...]", "such as fal-ai/flux/schnell")
    .option("--out <file>", "the module", "fal-endpoints.ts")
    .option("--only", "these endpoints, and none that the file has beside them")
    .option("--check", "only tell what fal has changed since (for CI)")
    .option("--json", "with --check: print it as JSON")
    .addHelpText("after", HELP)
    .action(async (ids, options) => {
      if (options.check) {
        assertOfWholeFile(ids, options);
        const { checkPulled } = await import("../schemas/check.ts");
        cli.exitCode = await checkPulled(cli.io, options);
        return;
      }
      if (options.json) throw new InvalidArgumentError("--json goes with --check.");
      const { pull } = await import("../schemas/pull.ts");
      cli.exitCode = await pull(cli.io, ids, options);
    });
}

function assertOfWholeFile(ids: readonly string[], { only }: { readonly only?: boolean }): void {
  if (ids.length === 0 && !only) return;
  throw new InvalidArgumentError("--check checks all endpoints that the file has: leave ids and --only out.");
}
