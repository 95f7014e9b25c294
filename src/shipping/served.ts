import { type Finding, findingsOf } from "./finding.ts";
import type { ImageApp } from "./pyproject.ts";

/** Secrets that an app asks for, and that fal would not give it: with a list in `pyproject.toml` it gives those only. */
export function checkSecrets(program: string, file: string, { secrets }: ImageApp): Finding[] {
  if (secrets === undefined) return [];
  const [, asked = ""] = /\bsecrets\s*:\s*\{([^}]*)\}/.exec(program) ?? [];
  const names = [...asked.matchAll(/\b([A-Z][A-Z0-9_]*)\s*:/g)].map(([, name = ""]) => name);
  const missing = names.filter((name) => !secrets.includes(name));
  if (missing.length === 0) return [];
  const cure =
    "add it there, or leave secrets out of pyproject.toml to get those that are exposed by default";
  return [
    findingsOf(file).error(
      `It asks for ${missing.join(", ")}, which secrets of pyproject.toml does not list: ${cure}.`,
    ),
  ];
}

/** What fal-chain/app takes where nothing is said: src/app/serve.ts */
const DEFAULTS = { port: 8080, metricsPort: 9090, gracePeriod: 5_000 };
type Setting = keyof typeof DEFAULTS;
const VARIABLES: Readonly<Partial<Record<Setting, string>>> = {
  port: "FAL_CHAIN_PORT",
  metricsPort: "FAL_CHAIN_METRICS_PORT",
};

/**
 * Holds what an app says of how it is served against `pyproject.toml`: `serve({ port, metricsPort, gracePeriod })` with numbers,
 * else the image's variables, else the defaults. What is computed cannot be read, and is taken for right.
 */
export function checkServed(
  program: string,
  file: string,
  image: readonly { readonly name: string; readonly value: string }[],
  app: ImageApp,
): Finding[] {
  const said = /\bserve\(\s*(?:\{([^}]*)\})?\s*\)/.exec(program);
  // It is not served by us, or in a way that is not read here.
  if (!said) return [];
  const settings = (setting: Setting): number | undefined => {
    const written = new RegExp(`\\b${setting}\\b(?:\\s*:\\s*([\\d_]+)\\s*[,}]?)?`).exec(said[1] ?? "");
    if (written) return written[1] === undefined ? undefined : Number(written[1].replaceAll("_", ""));
    const variable = image.find(({ name }) => name === VARIABLES[setting])?.value;
    return variable === undefined ? DEFAULTS[setting] : Number(variable);
  };
  const { error } = findingsOf(file);
  const port = settings("port");
  const metricsPort = settings("metricsPort");
  const gracePeriod = settings("gracePeriod");
  const { exposedPort, graceSeconds = 5 } = app;
  const found: Finding[] = [];
  if (port !== undefined && exposedPort !== undefined && port !== exposedPort) {
    found.push(error(`It listens on ${port}, and pyproject.toml has exposed_port = ${exposedPort}.`));
  }
  if (metricsPort !== undefined && app.metricsPort !== undefined && metricsPort !== app.metricsPort) {
    found.push(
      error(`Its metrics are on ${metricsPort}, and pyproject.toml has metrics_port = ${app.metricsPort}.`),
    );
  }
  if (gracePeriod !== undefined && gracePeriod > graceSeconds * 1_000) {
    const cure = "make termination_grace_period_seconds as long, or gracePeriod shorter";
    found.push(
      error(`It takes up to ${gracePeriod} ms to end, and fal ends it after ${graceSeconds} s: ${cure}.`),
    );
  }
  return found;
}
