import { parse, TomlError } from "smol-toml";
import type { Takes } from "../base/options.ts";
import { nearest, printableJson } from "../base/text.ts";
import {
  APP_KEYS,
  HEALTH_KEYS,
  IMAGE_KEYS,
  PYTHON_KEYS,
  RETRY_CONDITION_KEYS,
  RETRY_KEYS,
} from "./app-keys.ts";
import { type Finding, findingsOf } from "./finding.ts";

type Table = Readonly<Record<string, unknown>>;

/** An app of `pyproject.toml` that is an image. What is wrong in its table is undefined here. */
export interface ImageApp {
  /** Its name for `fal deploy`. */
  readonly key: string;
  /** Its name for its callers. */
  readonly name: string;
  readonly minConcurrency: number | undefined;
  readonly maxMultiplexing: number | undefined;
  readonly requestTimeoutSeconds: number | undefined;
  readonly startupTimeoutSeconds: number | undefined;
  readonly retryConfig: Readonly<Record<string, { readonly retries: number }>>;
  readonly skipRetryConditions: readonly string[] | undefined;
  readonly exposedPort: number | undefined;
  readonly metricsPort: number | undefined;
  /** Relative to the file's directory. */
  readonly dockerfile: string | undefined;
  readonly secrets: readonly string[] | undefined;
  readonly graceSeconds: number | undefined;
  readonly healthPath: string | undefined;
  /** Whether fal sends a request again after a failure, which it does unless it is told otherwise. */
  readonly isRetried: boolean;
  /** What takes the place of the image's own. */
  readonly entrypoint: string | readonly string[] | undefined;
  readonly cmd: string | readonly string[] | undefined;
}

/** Reads `pyproject.toml` as fal's command does. @param file Its name, for the findings. */
export function readPyproject(
  toml: string,
  file: string,
): { readonly apps: readonly ImageApp[]; readonly findings: readonly Finding[] } {
  const { error } = findingsOf(file);
  let document: Table;
  try {
    document = parse(toml);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    return { apps: [], findings: [error(cause.message.split("\n")[0] ?? "This is no TOML.", cause.line)] };
  }
  const tables = tableOf(tableOf(tableOf(document["tool"])["fal"])["apps"]);
  const images = Object.entries(tables).filter(([, app]) => !isPython(tableOf(app)));
  if (images.length === 0) {
    const cure = "Add one, or let fal-chain init write it.";
    return {
      apps: [],
      findings: [error(`It has no app that is an image: no [tool.fal.apps.NAME.image]. ${cure}`)],
    };
  }
  return {
    apps: images.map(([key, app]) => imageApp(key, tableOf(app))),
    findings: images.flatMap(([key, app]) => checkApp(`tool.fal.apps.${key}`, app, file)),
  };
}

const tableOf = (value: unknown): Table =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Table) : {};

/** What names a class in Python to be run. */
const PYTHON_ENTRIES = ["ref", "python_entry_point"];

const isPython = (app: Table): boolean => !("image" in app) && PYTHON_ENTRIES.some((key) => key in app);

function imageApp(key: string, app: Table): ImageApp {
  const valid = <T>(known: Readonly<Record<string, Takes>>, table: Table, name: string): T | undefined =>
    known[name]?.is(table[name]) ? (table[name] as T) : undefined;
  const image = tableOf(app["image"]);
  const retries = Object.entries(tableOf(app["retry_config"])).flatMap(([condition, given]) => {
    const count = valid<number>(RETRY_CONDITION_KEYS, tableOf(given), "retries");
    return condition in RETRY_KEYS && count !== undefined ? [[condition, { retries: count }]] : [];
  });
  return {
    key,
    name: valid(APP_KEYS, app, "name") ?? key,
    minConcurrency: valid(APP_KEYS, app, "min_concurrency"),
    maxMultiplexing: valid(APP_KEYS, app, "max_multiplexing"),
    requestTimeoutSeconds: valid(APP_KEYS, app, "request_timeout"),
    startupTimeoutSeconds: valid(APP_KEYS, app, "startup_timeout"),
    retryConfig: Object.fromEntries(retries),
    skipRetryConditions: valid(APP_KEYS, app, "skip_retry_conditions"),
    exposedPort: valid(APP_KEYS, app, "exposed_port"),
    metricsPort: valid(APP_KEYS, app, "metrics_port"),
    dockerfile: valid(IMAGE_KEYS, image, "dockerfile"),
    secrets: valid(APP_KEYS, app, "secrets"),
    graceSeconds: valid(APP_KEYS, app, "termination_grace_period_seconds"),
    healthPath: valid(HEALTH_KEYS, tableOf(app["health_check"]), "path"),
    isRetried: Object.keys(RETRY_KEYS).some((condition) => isRetriedAfter(condition, app)),
    entrypoint: valid(IMAGE_KEYS, image, "entrypoint"),
    cmd: valid(IMAGE_KEYS, image, "cmd"),
  };
}

function isRetriedAfter(condition: string, app: Table): boolean {
  const skipped = app["skip_retry_conditions"];
  if (Array.isArray(skipped) && skipped.includes(condition)) return false;
  return tableOf(tableOf(app["retry_config"])[condition])["retries"] !== 0;
}

function checkApp(where: string, given: unknown, file: string): Finding[] {
  const { error, warning } = findingsOf(file);
  if (given !== tableOf(given)) return [error(`${where} is ${shown(given)}; it is a table.`)];
  const app = tableOf(given);
  const found = [
    ...checkKeys(where, app, APP_KEYS, file),
    ...checkConcurrency(where, app, file),
    ...checkKeys(`${where}.image`, tableOf(app["image"]), IMAGE_KEYS, file),
    ...checkKeys(`${where}.health_check`, tableOf(app["health_check"]), HEALTH_KEYS, file),
    ...checkKeys(`${where}.retry_config`, tableOf(app["retry_config"]), RETRY_KEYS, file),
    ...Object.entries(tableOf(app["retry_config"])).flatMap(([condition, value]) =>
      checkKeys(`${where}.retry_config.${condition}`, tableOf(value), RETRY_CONDITION_KEYS, file),
    ),
    ...checkImage(`${where}.image`, app["image"], file),
  ];
  if (app["exposed_port"] === undefined) {
    found.push(
      error(
        `${where} has no exposed_port, which an image needs: set it to the port that the app listens on.`,
      ),
    );
  }
  if (app["metrics_port"] === undefined) {
    found.push(
      warning(
        `${where} has no metrics_port: without it no metrics are read. fal-chain/app has them on 9090.`,
      ),
    );
  }
  if (app["health_check"] === undefined) {
    found.push(warning(`${where} has no health_check: add [${where}.health_check] with path = "/health".`));
  } else if (tableOf(app["health_check"])["path"] === undefined) {
    found.push(error(`${where}.health_check has no path: add path = "/health".`));
  }
  return found;
}

function checkConcurrency(where: string, app: Table, file: string): Finding[] {
  const { min_concurrency: least, max_concurrency: most } = app;
  if (typeof least !== "number" || typeof most !== "number" || least <= most) return [];
  const cure = "Runners that are always there are a part of the most that there may be.";
  return [
    findingsOf(file).error(
      `${where}.min_concurrency is ${least}, more than max_concurrency, ${most}. ${cure}`,
    ),
  ];
}

function checkImage(where: string, given: unknown, file: string): Finding[] {
  const { error } = findingsOf(file);
  const image = tableOf(given);
  const { dockerfile, image: reference } = image;
  if ((dockerfile === undefined) === (reference === undefined)) {
    return [
      error(
        `${where} names the image by dockerfile = "Dockerfile" or by image = "org/name:tag", one of the two.`,
      ),
    ];
  }
  const ofBuild = ["build_args", "secrets"].filter((key) => reference !== undefined && key in image);
  return ofBuild.map((key) =>
    error(`${where}.${key} is for a dockerfile, and this is an image that is built already.`),
  );
}

/** What is wrong with the keys of a table, each by itself. */
function checkKeys(
  where: string,
  table: Table,
  known: Readonly<Record<string, Takes>>,
  file: string,
): Finding[] {
  const { error } = findingsOf(file);
  return Object.entries(table).flatMap(([key, value]) => {
    const takes = Object.hasOwn(known, key) ? known[key] : undefined;
    if (takes?.is(value)) return [];
    if (takes)
      return [error(`${where}.${key} is ${shown(value)}; it is ${takes.what}.${meant(value, takes.words)}`)];
    if (PYTHON_ENTRIES.includes(key))
      return [
        error(`${where} has both ${key} and image: an app is a class in Python or an image. Leave one out.`),
      ];
    if (PYTHON_KEYS.includes(key))
      return [error(`${where}.${key} is for apps in Python: an image copies its files itself.`)];
    return [error(`${where} has no key ${JSON.stringify(key)}.${meant(key, Object.keys(known))}`)];
  });
}

function meant(given: unknown, words: readonly string[] = []): string {
  const wrong = Array.isArray(given) ? given.find((item) => !words.includes(item)) : given;
  const word = typeof wrong === "string" ? nearest(wrong, words) : undefined;
  return word === undefined ? "" : ` Did you mean ${JSON.stringify(word)}?`;
}

const MOST_SHOWN = 60;

function shown(value: unknown): string {
  const text = typeof value === "bigint" ? String(value) : printableJson(value);
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
}
