import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { shellWord } from "../../base/text.ts";
import { InvalidArgumentError } from "../../errors/arguments.ts";
import type { HomeApp } from "../../runners/home.ts";
import { namedFile } from "../../runners/name.ts";
import { environmentName } from "../../secrets/secrets.ts";
import type { Io } from "../cli.ts";
import { projectApp } from "./project.ts";

/** The options of the command, as they were written. */
export interface DevOptions {
  readonly runners?: string;
  readonly maxMultiplexing?: string;
  readonly requestTimeout?: string;
  readonly startupTimeout?: string;
  readonly grace?: string;
  readonly retryConfig?: string;
  readonly skipRetry?: readonly string[];
  readonly exposedPort?: string;
  readonly unitPrice?: string;
  readonly defaultUnits?: string;
  readonly env?: string;
  readonly owner?: string;
  readonly privileged: boolean;
  readonly watch: boolean;
  readonly data?: string;
  readonly variable?: readonly string[];
  readonly port?: string;
  readonly seed?: string;
  readonly concurrency?: string;
  readonly timeScale?: string;
  readonly forget?: boolean;
  readonly buildCheck?: boolean;
}

/** The same, understood. */
export interface DevSettings {
  readonly apps: readonly HomeApp[];
  readonly owner: string;
  readonly environment: string;
  readonly data: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly unitPrice: number;
  readonly port: number;
}

/** @throws {InvalidArgumentError} naming the option or the file that cannot be. */
export function settingsOf(words: readonly string[], options: DevOptions, io: Io): DevSettings {
  const cwd = io.cwd();
  const unitPrice = number("--unit-price", options.unitPrice) ?? 0;
  const settings = appSettings(options, unitPrice);
  const exposedPort = number("--exposed-port", options.exposedPort, WHOLE);
  const apps = words.map((word): HomeApp => {
    const named = namedFile(word, (file) => resolve(cwd, file));
    if (!existsSync(named.file)) throw new InvalidArgumentError(`There is no ${named.file}.`);
    const project = projectApp(named.file, named.name, cwd);
    const port = exposedPort ?? project?.exposedPort;
    return {
      file: named.file,
      name: word.includes("=") ? named.name : (project?.name ?? named.name),
      settings: { ...project?.settings, ...settings },
      ...(port !== undefined && { exposedPort: port }),
      ...(project?.secrets && { secrets: project.secrets }),
    };
  });
  const twice = apps.find(({ name }, nth) => apps.findIndex((other) => other.name === name) < nth);
  if (twice) {
    throw new InvalidArgumentError(
      `Two apps are named ${twice.name}. Name one of them: fal-chain dev other-name=${shellWord(twice.file)}`,
    );
  }
  return {
    apps,
    owner: ownerOf(options.owner ?? io.env["FAL_USER_NICKNAME"]?.trim()),
    environment: environmentName(io.env, options.env),
    data: resolve(cwd, options.data ?? join(".fal-chain", "data")),
    variables: Object.fromEntries((options.variable ?? []).map(variable)),
    unitPrice,
    port: number("--port", options.port, WHOLE) ?? 8787,
  };
}

const WHOLE = { whole: true } as const;

function appSettings(options: DevOptions, unitPrice: number): NonNullable<HomeApp["settings"]> {
  const runners = number("--runners", options.runners, WHOLE);
  const maxMultiplexing = number("--max-multiplexing", options.maxMultiplexing, WHOLE);
  const requestTimeout = number("--request-timeout", options.requestTimeout);
  const startupTimeout = number("--startup-timeout", options.startupTimeout);
  const grace = number("--grace", options.grace);
  const defaultUnits = number("--default-units", options.defaultUnits);
  return {
    price: { unit: "units", unitPrice },
    ...(runners !== undefined && { runners }),
    ...(maxMultiplexing !== undefined && { maxMultiplexing }),
    ...(requestTimeout !== undefined && { requestTimeoutMs: requestTimeout * 1000 }),
    ...(startupTimeout !== undefined && { startupTimeoutMs: startupTimeout * 1000 }),
    ...(grace !== undefined && { terminationGraceMs: grace * 1000 }),
    ...(defaultUnits !== undefined && { defaultUnits }),
    ...(options.retryConfig !== undefined && { retryConfig: retryConfig(options.retryConfig) }),
    ...(options.skipRetry && { skipRetryConditions: options.skipRetry.map(condition) }),
  };
}

const CONDITIONS = ["server_error", "timeout", "connection_error"] as const;
type Condition = (typeof CONDITIONS)[number];

function condition(text: string): Condition {
  const known = CONDITIONS.find((one) => one === text);
  if (known) return known;
  throw new InvalidArgumentError(`${JSON.stringify(text)} is no retry condition: ${CONDITIONS.join(", ")}.`);
}

/** `server_error=3`, or several with commas. */
function retryConfig(text: string): { readonly [C in Condition]?: { readonly retries: number } } {
  const entries = text.split(",").map((part) => {
    const [name = "", count] = part.split("=");
    return [condition(name.trim()), { retries: number("--retry-config", count ?? "", WHOLE) ?? 0 }];
  });
  return Object.fromEntries(entries) as { readonly [C in Condition]?: { readonly retries: number } };
}

function ownerOf(given: string | undefined): string {
  const owner = given || "me";
  if (/^[\w-]+$/.test(owner)) return owner;
  throw new InvalidArgumentError(`${JSON.stringify(owner)} is not the name of an account.`);
}

function variable(text: string): readonly [string, string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new InvalidArgumentError(`--variable ${JSON.stringify(text)} is not NAME=VALUE.`);
}

export function number(
  name: string,
  text: string | undefined,
  { whole = false }: { readonly whole?: boolean } = {},
): number | undefined {
  if (text === undefined) return undefined;
  const value = (whole ? /^\d+$/ : /^\d+(\.\d+)?$/).test(text) ? Number(text) : Number.NaN;
  if (Number.isFinite(value)) return value;
  throw new InvalidArgumentError(
    `${name} is ${JSON.stringify(text)}; it is a ${whole ? "whole " : ""}number from 0 up.`,
  );
}
