import { type Clock, systemClock } from "../base/clock.ts";
import type { Report } from "../base/report.ts";
import type { CallObserver, ObserveCall } from "../calls/observer.ts";
import type { ObserveRun, RunObserver } from "../chain/observer.ts";
import type { Env, Environment } from "../environment/environment.ts";
import { withoutParts, withoutSecrets } from "../errors/secrets.ts";
import { guarded } from "./guarded.ts";
import { createLog } from "./log.ts";
import { type Logger, loggerFrom } from "./logger.ts";
import { createSpans } from "./spans.ts";
import { whoseNow } from "./whose.ts";

export interface TelemetryOptions {
  readonly logger?: Logger;
  readonly logPayloads?: boolean;
  readonly clock?: Clock;
}

/** Who is told of what the client does: the log and OpenTelemetry. Neither can make a call fail. */
export interface Telemetry {
  readonly call: ObserveCall;
  readonly run: ObserveRun;
  readonly report: Report;
  /** A text without keys and secrets. */
  readonly hide: (text: string) => string;
}

export function createTelemetry(
  options: TelemetryOptions,
  environment: Environment,
  env: () => Env,
): Telemetry {
  const { clock = systemClock } = options;
  let { logger } = options;
  const context = () => guarded(() => whoseNow(environment));
  const hide = hider(environment, env);
  const log = createLog({
    logger: () => {
      logger ??= loggerFrom(env());
      return logger;
    },
    context,
    hide,
    payloads: options.logPayloads ?? false,
  });
  const spans = createSpans({ clock, context });

  return {
    hide,
    report: (...said) => guarded(() => log.report(...said)),
    call: (info) => both(guarded(log.call, info), guarded(spans.call, info)),
    run: (info) => bothOf(guarded(log.run, info), guarded(spans.run, info)),
  };
}

/** Takes keys and secrets out of a text. */
export const hider =
  (environment: Environment, env: () => Env) =>
  (text: string): string =>
    withoutSecrets(hideKey(environment, env, text));

/** A key that is malformed is none, and what it was made of is secret all the same. */
function hideKey(environment: Environment, env: () => Env, text: string): string {
  const key = guarded(() => environment.key);
  if (key) return key.hideIn(text);
  const { FAL_KEY: written = "", FAL_KEY_SECRET: secret = "" } = env();
  return withoutParts(text, `${written} ${secret}`);
}

function both(...observers: (CallObserver | undefined)[]): CallObserver | undefined {
  if (observers.every((observer) => observer === undefined)) return undefined;
  const each = (tell: (observer: CallObserver) => void): void => {
    for (const observer of observers) if (observer) guarded(tell, observer);
  };
  return {
    sending: (body) => each((observer) => observer.sending(body)),
    event: (event) => each((observer) => observer.event(event)),
    ended: (end) => each((observer) => observer.ended(end)),
  };
}

function bothOf(...observers: (RunObserver | undefined)[]): RunObserver {
  const all = observers.filter((observer) => observer !== undefined);
  return {
    begun(epoch) {
      for (const observer of all) guarded(() => observer.begun(epoch));
    },
    within: (fn) => all.reduce((inner, observer) => () => observer.within(inner), fn)(),
    ended(end) {
      for (const observer of all) guarded(() => observer.ended(end));
    },
  };
}
