import { systemClock } from "../../base/clock.ts";
import { nearest } from "../../base/text.ts";
import { readEnvironment } from "../../environment/environment.ts";
import { EnvironmentError } from "../../errors/environment.ts";
import { InvalidArgumentError } from "../../index.ts";
import { type Catalog, type CatalogEntry, createCatalog } from "../../platform/catalog.ts";
import { parseEndpointId } from "../../queue/endpoint.ts";
import { aside } from "../../terminal/index.ts";
import { createTransport } from "../../transport/http.ts";
import type { Io } from "../cli.ts";

/** fal's catalog, as the environment reaches it; with a key where there is one, since it may ask more often. */
export function catalogFor({
  env,
  stderr,
}: Pick<Io, "env" | "stderr">): Catalog & { readonly keyless: boolean } {
  const environment = readEnvironment(env);
  const keyless = !hasKey(environment);
  const transport = createTransport({
    key: () => environment.key,
    trusted: () => environment.origins.trusted,
    fetch: undefined,
    clock: systemClock,
    random: Math.random,
    report: (what, error) => aside(stderr, `${what}: ${error instanceof Error ? error.message : error}`),
  });
  return { ...createCatalog(transport, () => environment.origins.api, { keyless }), keyless };
}

function hasKey(environment: ReturnType<typeof readEnvironment>): boolean {
  try {
    return Boolean(environment.key);
  } catch (error) {
    if (error instanceof EnvironmentError && error.code === "missing_variable") return false;
    throw error;
  }
}

/** @throws {InvalidArgumentError} naming the ones that fal does not have, and what was meant. */
export async function findAll(catalog: Catalog, ids: readonly string[]): Promise<Map<string, CatalogEntry>> {
  const tidy = ids.map((id) => parseEndpointId(id).id);
  const found = await catalog.find(tidy);
  const unknown = tidy.filter((id) => !found.has(id));
  if (unknown.length === 0) return found;
  const told = await Promise.all(unknown.map(async (id) => `${id} ${await hintFor(catalog, id)}`));
  throw new InvalidArgumentError(`fal's catalog does not have ${told.join(", nor ")}.`);
}

const CANDIDATES = 200;

async function hintFor(catalog: Catalog, id: string): Promise<string> {
  const [, alias = "", ...path] = id.split("/");
  for (const text of [alias, ...path, ""]) {
    const candidates = await catalog.search({ text, limit: CANDIDATES });
    const meant = nearest(
      id,
      candidates.map((entry) => entry.id),
    );
    if (meant !== undefined) return `(did you mean ${meant}?)`;
  }
  return `(fal-chain models ${alias} searches it)`;
}
