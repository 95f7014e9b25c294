import { inspectEnvironment } from "../../index.ts";
import { EXIT, paint, printable, printableJson, wrap } from "../../terminal/index.ts";
import { KEY_CURE } from "../help.ts";
import type { Io } from "../io.ts";
import { withStore } from "../store.ts";

/** Which variables an origin follows from, the strongest first. */
const SOURCES = {
  queue: ["FAL_QUEUE_RUN_HOST", "FAL_RUN_HOST", "FAL_HOST"],
  run: ["FAL_RUN_HOST", "FAL_HOST"],
  rest: ["FAL_REST_HOST", "FAL_HOST"],
  api: ["FAL_HOST"],
} as const;

/** Shows what of the environment was found, which origins follow, and where the command's ledger is. Prints no secret. */
export function env(
  { stdout, env, cwd }: Pick<Io, "stdout" | "env" | "cwd">,
  options: { json?: boolean },
): number {
  // Without the password that it may hold.
  const store = withStore({ env, cwd })["FAL_CHAIN_STORE"]?.replace(/\/\/[^/@]*@/, "//…@") ?? "";
  const { findings, origins, ready } = inspectEnvironment(env);
  const isSet = (name: string) =>
    findings.some(({ variable, state }) => variable === name && state === "set");
  const bases = (["queue", "run", "rest", "api"] as const).flatMap((service) =>
    origins ? [{ service, url: origins[service], from: SOURCES[service].find(isSet) ?? "default" }] : [],
  );
  const trusted = [...(origins?.trusted ?? [])];
  if (options.json) {
    stdout.write(`${printableJson({ ready, variables: findings, origins: bases, trusted, store })}\n`);
    return ready ? EXIT.ok : EXIT.failed;
  }

  const colour = paint(stdout);
  const names = Math.max(...findings.map(({ variable }) => variable.length));
  const room = (stdout.columns ?? 80) - names - 4;
  const line = (name: string, text: string) => {
    const [first = "", ...rest] = wrap(printable(text).split(" "), room);
    stdout.write(`  ${name.padEnd(names)}  ${first}\n`);
    for (const more of rest) stdout.write(`${" ".repeat(names + 4)}${more}\n`);
  };

  stdout.write(`${colour("bold", "Variables")}\n`);
  for (const { variable, state, shown, problem } of findings) {
    const missing = variable === "FAL_KEY" && state === "unset" && problem !== undefined;
    const told = missing ? `is not set. ${KEY_CURE}` : problem?.replace(`${variable} `, "");
    line(variable, told ?? (state === "set" ? shown : "not set"));
  }
  stdout.write(`\n${colour("bold", "Origins")}\n`);
  for (const { service, url, from } of bases) {
    line(service, `${url} (${from === "default" ? "the default" : `from ${from}`})`);
  }
  line("key goes to", trusted.join(", ") || "nowhere");
  stdout.write(`\n${colour("bold", "Ledger")}\n`);
  line("store", store);
  stdout.write(`\n${ready ? "A call can be made." : "A call cannot be made: see above."}\n`);
  return ready ? EXIT.ok : EXIT.failed;
}
