import { printable } from "../base/text.ts";
import type { Env, Environment } from "../environment/environment.ts";
import { failureFacts } from "../telemetry/failure.ts";
import { guarded } from "../telemetry/guarded.ts";
import { jsonLinesFrom, type Level, type Logger } from "../telemetry/logger.ts";
import { redacted } from "../telemetry/redact.ts";
import { hider } from "../telemetry/telemetry.ts";
import type { Log } from "./context.ts";

export interface LogSource {
  /** @default JSON lines on stderr, from the level on that `FAL_CHAIN_LOG` names, else `info` */
  readonly logger: Logger | undefined;
  readonly env: () => Env;
  readonly environment: Environment;
}

/** Writes lines bound to app and runner, without keys and secrets. `err` may be an error. Never throws. */
export function createLog({ logger, env, environment }: LogSource, name: string): Log {
  const hide = hider(environment, env);
  const identity = guarded(() => environment.identity);
  const lines = (): Logger => {
    const level = env()["FAL_CHAIN_LOG"]?.trim().toLowerCase() || "info";
    return level === "silent" ? SILENT : (jsonLinesFrom(level) ?? SILENT);
  };
  let target = logger;
  const write = (level: Level, details: object, message: string): void => {
    target ??= lines();
    const said: unknown = target[level]?.(redacted(plain(details), hide) as object, printable(hide(message)));
    if (said instanceof Promise) said.catch(() => {});
  };
  return boundTo(write, { app: identity?.appName ?? name, job_id: identity?.jobId });
}

const SILENT: Logger = { warn() {} };

type Write = (level: Level, details: object, message: string) => void;

function boundTo(write: Write, bound: object): Log {
  const at = (level: Level) => (details: object, message: string) =>
    void guarded(() => write(level, { ...bound, ...details }, message));
  return {
    ...{ debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") },
    child: (more) => boundTo(write, { ...bound, ...more }),
  };
}

/** An error as the facts of it that hold no payload, and nothing that is undefined. */
const plain = (details: object): object =>
  Object.fromEntries(
    Object.entries(details).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value instanceof Error ? failureFacts(value) : value]],
    ),
  );
