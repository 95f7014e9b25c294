import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { HomeApp } from "../../runners/home.ts";
import { type ImageApp, readPyproject } from "../../shipping/pyproject.ts";

/** What `pyproject.toml` says of an app, in the words of those who run it. */
export interface ProjectApp {
  readonly name: string;
  readonly settings: NonNullable<HomeApp["settings"]>;
  readonly exposedPort: number | undefined;
  readonly secrets: readonly string[] | undefined;
}

/**
 * The app that is deployed from a program: the one of that name in the `pyproject.toml` beside it or in the current directory,
 * or the only one there. What fal would not take is left out: `fal-chain check` tells of it.
 */
export function projectApp(file: string, name: string, cwd: string): ProjectApp | undefined {
  for (const folder of new Set([dirname(file), cwd])) {
    const path = join(folder, "pyproject.toml");
    if (!existsSync(path)) continue;
    const { apps } = readPyproject(readFileSync(path, "utf8"), path);
    const found =
      apps.find((app) => app.name === name || app.key === name) ?? (apps.length === 1 ? apps[0] : undefined);
    if (found) return ofProject(found);
  }
  return undefined;
}

function ofProject(app: ImageApp): ProjectApp {
  const { name, exposedPort, secrets, minConcurrency, maxMultiplexing, skipRetryConditions } = app;
  const { requestTimeoutSeconds, startupTimeoutSeconds, graceSeconds, retryConfig } = app;
  return {
    ...{ name, exposedPort, secrets },
    settings: {
      ...(minConcurrency && { runners: minConcurrency }),
      ...(maxMultiplexing !== undefined && { maxMultiplexing }),
      ...(requestTimeoutSeconds && { requestTimeoutMs: requestTimeoutSeconds * 1000 }),
      ...(startupTimeoutSeconds && { startupTimeoutMs: startupTimeoutSeconds * 1000 }),
      ...(graceSeconds !== undefined && { terminationGraceMs: graceSeconds * 1000 }),
      retryConfig,
      ...(skipRetryConditions && { skipRetryConditions: skipRetryConditions as [] }),
    },
  };
}
