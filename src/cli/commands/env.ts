import type { Command } from "commander";
import { inspectEnvironment } from "../../environment/environment.ts";
import { shownSelector } from "../../store/selector.ts";
import { EXIT } from "../../terminal/exit-code.ts";
import { type Output, paint, printable, printableJson, wrap } from "../../terminal/text.ts";
import type { Cli, Io } from "../cli.ts";
import { KEY_CURE } from "../missing-key.ts";
import { withStore } from "../store.ts";

const HELP = `
Exits with 1 if a call could not be made with what was found.

Examples:
  fal-chain env
  fal-chain env --json | jq .origins
`;

export function addEnv(program: Command, cli: Cli): void {
  program
    .command("env")
    .summary("Shows fal's environment, and which origins follow.")
    .description("Shows what of fal's environment is set, and which origins follow. Prints no secret.")
    .option("--json", "print it as JSON")
    .addHelpText("after", HELP)
    .action((options) => {
      cli.exitCode = showEnvironment(cli.io, options);
    });
}

/** Which variables an origin follows from, the strongest first. */
const SOURCES = {
  queue: ["FAL_QUEUE_RUN_HOST", "FAL_RUN_HOST", "FAL_HOST"],
  run: ["FAL_RUN_HOST", "FAL_HOST"],
  rest: ["FAL_REST_HOST", "FAL_HOST"],
  api: ["FAL_HOST"],
} as const;

type Environment = ReturnType<typeof inspectEnvironment>;

/** What of the environment was found, which origins follow, and where the command's store is. */
function showEnvironment({ stdout, env, cwd }: Io, options: { json?: boolean }): number {
  const environment = inspectEnvironment(env);
  const { findings, ready } = environment;
  const origins = originsOf(environment);
  const trusted = [...(environment.origins?.trusted ?? [])];
  const store = shownSelector(withStore({ env, cwd })["FAL_CHAIN_STORE"]?.trim() ?? "");
  if (options.json) {
    stdout.write(`${printableJson({ ready, variables: findings, origins, trusted, store })}\n`);
    return ready ? EXIT.ok : EXIT.failed;
  }
  const sections: Section[] = [
    { title: "Variables", lines: findings.map(variableLine) },
    {
      title: "Origins",
      lines: [...origins.map(originLine), ["key goes to", trusted.join(", ") || "nowhere"]],
    },
    { title: "Ledger", lines: [["store", store]] },
  ];
  writeSections(sections, stdout);
  stdout.write(ready ? "A call can be made.\n" : "A call cannot be made: see above.\n");
  return ready ? EXIT.ok : EXIT.failed;
}

function originsOf({ findings, origins }: Environment) {
  const isSet = (name: string) =>
    findings.some(({ variable, state }) => variable === name && state === "set");
  return (["queue", "run", "rest", "api"] as const).flatMap((service) =>
    origins ? [{ service, url: origins[service], from: SOURCES[service].find(isSet) ?? "default" }] : [],
  );
}

type Line = readonly [name: string, text: string];

interface Section {
  readonly title: string;
  readonly lines: readonly Line[];
}

function variableLine({ variable, state, shown, problem }: Environment["findings"][number]): Line {
  if (variable === "FAL_KEY" && state === "unset" && problem !== undefined) {
    return [variable, `is not set. ${KEY_CURE}`];
  }
  return [variable, problem?.replace(`${variable} `, "") ?? (state === "set" ? shown : "not set")];
}

const originLine = ({ service, url, from }: ReturnType<typeof originsOf>[number]): Line => [
  service,
  `${url} (${from === "default" ? "the default" : `from ${from}`})`,
];

/** The texts below each other, wrapped where the terminal is too narrow, with an empty line after each section. */
function writeSections(sections: readonly Section[], output: Output): void {
  const width = Math.max(...sections.flatMap(({ lines }) => lines.map(([name]) => name.length)));
  const room = (output.columns ?? 80) - width - 4;
  for (const { title, lines } of sections) {
    output.write(`${paint(output)("bold", title)}\n`);
    for (const [name, text] of lines) {
      const [first = "", ...rest] = wrap(printable(text).split(" "), room);
      output.write(`  ${name.padEnd(width)}  ${first}\n`);
      for (const more of rest) output.write(`${" ".repeat(width + 4)}${more}\n`);
    }
    output.write("\n");
  }
}
