import { inspectEnvironment } from "../../index.ts";
import { EXIT, type Io } from "../io.ts";

/** Shows what of the platform's environment was found, and which origins follow. Prints no secret. */
export function env({ stdout, env }: Io, options: { json?: boolean }): number {
  const { findings, origins, ready } = inspectEnvironment(env);
  const { trusted, ...bases } = origins ?? { trusted: new Set<string>() };
  if (options.json) {
    stdout.write(
      `${JSON.stringify({ ready, variables: findings, origins: bases, trusted: [...trusted] }, null, 2)}\n`,
    );
    return ready ? EXIT.ok : EXIT.failed;
  }

  const width = Math.max(...findings.map(({ variable }) => variable.length));
  const line = (name: string, text: string) =>
    stdout.write(`  ${name.padEnd(width)}  ${text}`.trimEnd().concat("\n"));
  stdout.write("Variables\n");
  for (const { variable, state, shown, problem } of findings) {
    line(variable, problem ? `${state}: ${problem}` : state === "set" ? shown : "not set");
  }
  stdout.write("\nOrigins\n");
  for (const [name, base] of Object.entries(bases)) line(name, base);
  line("key goes to", trusted.size > 0 ? [...trusted].join(" ") : "nowhere");
  stdout.write(`\n${ready ? "A call can be made." : "A call cannot be made: see above."}\n`);
  return ready ? EXIT.ok : EXIT.failed;
}
