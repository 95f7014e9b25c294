import type { Clock } from "../base/clock.ts";
import type { Report } from "../base/report.ts";
import type { CallWitness, WitnessCall } from "../calls/witness.ts";
import type { ObserveRun, RunObserver } from "../chain/observer.ts";
import type { Env, Environment } from "../environment/environment.ts";
import { withoutParts, withoutSecrets } from "../environment/known-secrets.ts";
import { attempt } from "./guarded.ts";
import { createLog } from "./log.ts";
import { type Logger, loggerFrom } from "./logger.ts";
import { createSpans } from "./spans.ts";
import { whoseNow } from "./whose.ts";

export interface TelemetryOptions {
  readonly logger: Logger | undefined;
  readonly logPayloads: boolean | undefined;
  readonly env: () => Env;
  readonly environment: Environment;
  readonly clock: Clock;
}

/** Who is told of what the client does: the log and OpenTelemetry. Neither can make a call fail. */
export interface Telemetry {
  readonly call: WitnessCall;
  readonly run: ObserveRun;
  readonly report: Report;
  /** A text without keys and secrets. */
  readonly hide: (text: string) => string;
}

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { environment, clock, env } = options;
  let logger = options.logger;
  const context = () => attempt(() => whoseNow(environment));
  const hide = (text: string) => withoutSecrets(hideKey(options, text));
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
    report: (...said) => attempt(() => log.report(...said)),
    call: (info) =>
      both(
        attempt(() => log.call(info)),
        attempt(() => spans.call(info)),
      ),
    run: (info) =>
      bothOf(
        attempt(() => log.run(info)),
        attempt(() => spans.run(info)),
      ),
  };
}

/** A key that is malformed is none, and what it was made of is secret all the same. */
function hideKey({ environment, env }: TelemetryOptions, text: string): string {
  const key = attempt(() => environment.key);
  if (key) return key.hideIn(text);
  const { FAL_KEY: written = "", FAL_KEY_SECRET: secret = "" } = env();
  return withoutParts(text, `${written} ${secret}`);
}

function both(...witnesses: (CallWitness | undefined)[]): CallWitness | undefined {
  const all = witnesses.filter((witness) => witness !== undefined);
  const [only, ...others] = all;
  if (!only) return undefined;
  const each = (tell: (witness: CallWitness) => void): void => {
    for (const witness of [only, ...others]) attempt(() => tell(witness));
  };
  return {
    sending: (body) => each((witness) => witness.sending(body)),
    event: (event) => each((witness) => witness.event(event)),
    ended: (end) => each((witness) => witness.ended(end)),
  };
}

function bothOf(...witnesses: (RunObserver | undefined)[]): RunObserver {
  const all = witnesses.filter((witness) => witness !== undefined);
  return {
    within: (fn) => all.reduce((inner, witness) => () => witness.within(inner), fn)(),
    ended(end) {
      for (const witness of all) attempt(() => witness.ended(end));
    },
  };
}
