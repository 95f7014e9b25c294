import { anyText, count, either, flag, number, oneOf, record, type Takes, text } from "../base/options.ts";

/** A list of texts. */
const texts: Takes = {
  what: "a list of texts",
  is: (value) => Array.isArray(value) && value.every((item) => typeof item === "string"),
};

const between = (least: number, most: number, what: string): Takes => ({
  what: `${what} from ${least} to ${most}`,
  is: (value) => Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most,
});

const listOf = (words: readonly string[]): Takes => ({
  what: `a list of ${words.join(", ")}`,
  is: (value) => Array.isArray(value) && value.every((item) => words.includes(item)),
  words,
});

/** More than a runner can serve: a slip, such as bytes where requests are meant. */
const MOST_AT_ONCE = 10_000;
const path: Takes = {
  what: 'a path that begins with "/", such as "/health"',
  is: (value) => typeof value === "string" && /^\/[^\s?#]*$/.test(value),
};
const port = between(1, 65_535, "a port");
const seconds = number(0, "seconds");
const retries = ["timeout", "server_error", "connection_error"] as const;

/**
 * The keys of `[tool.fal.apps.NAME]` for an app that is an image, and what each takes. Any other is an error at fal.
 * Source: https://fal.ai/docs/api-reference/python-sdk/pyproject-toml.md and the client's own reading of the file.
 */
export const APP_KEYS: Readonly<Record<string, Takes>> = {
  name: text,
  auth: oneOf(["private", "public", "shared"]),
  team: text,
  deployment_strategy: oneOf(["rolling", "recreate"]),
  app_scale_settings: flag,
  machine_type: either(text, texts),
  num_gpus: count(1),
  regions: listOf(["us-west", "us-central", "us-east", "eu-north", "eu-west"]),
  min_concurrency: count(0),
  max_concurrency: count(1),
  max_multiplexing: between(1, MOST_AT_ONCE, "requests at once"),
  concurrency_buffer: count(0),
  concurrency_buffer_perc: count(0),
  scaling_delay: count(0),
  keep_alive: count(0),
  request_timeout: seconds,
  startup_timeout: seconds,
  private_logs: flag,
  exposed_port: port,
  metrics_port: port,
  skip_retry_conditions: listOf(retries),
  retry_config: record,
  // The platform's own most: https://docs.fal.ai/documentation/deployment/scale-your-application
  termination_grace_period_seconds: between(0, 30, "seconds"),
  secrets: texts,
  data_mounts: texts,
  health_check: record,
  image: record,
};

/** Keys that the same table has for apps in Python, and that an image cannot have. */
export const PYTHON_KEYS: readonly string[] = [
  ...["app_files", "app_files_ignore", "app_files_context_dir"],
  ...["requirements", "requirements_context_dir", "python_version"],
];

export const HEALTH_KEYS: Readonly<Record<string, Takes>> = {
  path,
  // https://fal.ai/docs/documentation/development/migrate-external-docker-server.md: no other method.
  method: oneOf(["GET", "POST"]),
  start_period_seconds: count(0),
  timeout_seconds: count(1),
  failure_threshold: count(1),
  call_regularly: flag,
};

const command: Takes = either(anyText, texts);

export const IMAGE_KEYS: Readonly<Record<string, Takes>> = {
  dockerfile: text,
  image: text,
  build_args: record,
  secrets: record,
  registries: record,
  entrypoint: command,
  cmd: command,
};

export const RETRY_KEYS: Readonly<Record<string, Takes>> = Object.fromEntries(
  retries.map((condition) => [condition, record]),
);

/** The platform makes ten attempts at most, whatever is asked for. */
export const RETRY_CONDITION_KEYS: Readonly<Record<string, Takes>> = {
  retries: between(0, 9, "further attempts"),
};
