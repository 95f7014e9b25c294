import { parseOwn } from "../base/json.ts";
import type { Report } from "../base/report.ts";
import { printable } from "../base/text.ts";
import type { CallInfo } from "../calls/enclosing-run.ts";
import type { CallEvent } from "../calls/events.ts";
import type { CallObserver, ObserveCall } from "../calls/observer.ts";
import type { ObserveRun, RunObserver } from "../chain/observer.ts";
import { failureFacts, isWanted, stateOf } from "./failure.ts";
import { afterwards } from "./guarded.ts";
import type { Level, Logger } from "./logger.ts";
import { redacted } from "./redact.ts";
import type { Whose } from "./whose.ts";

export interface LogOptions {
  readonly logger: () => Logger;
  /** On whose behalf the current code makes calls; undefined where that cannot be told. */
  readonly context: () => Whose | undefined;
  /** A text without keys and secrets. */
  readonly hide: (text: string) => string;
  readonly payloads: boolean;
}

export interface Log {
  readonly call: ObserveCall;
  readonly run: ObserveRun;
  /** What went wrong beside a call without failing it. */
  readonly report: Report;
}

type Say = (level: Level, details: object, message: string) => void;

/** What says the lines of calls and runs. */
interface Voice extends Pick<LogOptions, "context" | "payloads"> {
  readonly say: Say;
}

/** Says in log lines what calls and runs do. Each line is bound to the app, job, request, chain, run and call. */
export function createLog({ logger, context, hide, payloads }: LogOptions): Log {
  const say: Say = (level, details, message) => {
    const target = logger();
    // Most loggers of warnings only have nothing else, and what nobody reads is not made.
    const said: unknown = target[level]?.(
      redacted(withoutGaps(details), hide) as object,
      printable(hide(message)),
    );
    // One that takes its time may fail too.
    if (said instanceof Promise) said.catch(() => {});
  };
  const isHeard = (): boolean => {
    const { debug, info, error } = logger();
    return Boolean(debug || info || error);
  };
  const voice = { say, context, payloads };
  return {
    report: (what, error, about = {}) =>
      say(
        "warn",
        { ...origin(context()), ...about, ...(error !== undefined && { err: failureFacts(error) }) },
        what,
      ),
    call: (call) => (isHeard() ? logOfCall(voice, call) : undefined),
    run: (run) => logOfRun(voice, run),
  };
}

function logOfCall({ say, context, payloads }: Voice, { id, endpoint, step }: CallInfo): CallObserver {
  const bound = { ...origin(context()), step, call: id, endpoint };
  let known: object = bound;
  let isReused = false;
  let usage: object = {};

  return {
    sending(body) {
      if (payloads) say("debug", { ...known, input: parseOwn(body) }, "Call has its input");
    },
    event(event) {
      switch (event.type) {
        case "submitted":
        case "reused":
          isReused = event.type === "reused";
          known = { ...bound, request_id: event.requestId };
          return say("debug", known, `Call is ${howBegun(event)}`);
        case "queued":
          return say("debug", { ...known, position: event.position }, "Call is queued");
        case "running":
          return say("debug", known, "Call is running");
        case "log":
          // A model may say anything, such as what it was asked for.
          if (payloads) say("debug", { ...known, line: event.log }, "Call logs");
          return;
        case "retrying":
          return say(
            "info",
            { ...known, attempt: event.attempt, pause_ms: event.pauseMs },
            "Call is made again",
          );
        case "completed": {
          const { billing, metrics, data } = event.result;
          const { waitSeconds, runSeconds } = metrics;
          usage = { units: billing.units, wait_seconds: waitSeconds, run_seconds: runSeconds };
          if (payloads) say("debug", { ...known, output: data }, "Call has its output");
          return;
        }
      }
    },
    ended({ error, cost, isHandedOver }) {
      sayEnd(say, "Call", { ...known, ...usage, reused: isReused || undefined }, error, isHandedOver);
      afterwards(cost, (cost) => {
        if (!cost || isReused) return;
        const nano = "nanoUsd" in cost ? cost.nanoUsd : undefined;
        say("debug", { ...known, cost_nano_usd: nano, cost_source: cost.source }, "Call is charged");
      });
    },
  };
}

const howBegun = (event: Extract<CallEvent, { type: "submitted" | "reused" }>): string =>
  event.type === "reused" ? "reused" : event.takenUp ? "taken up" : "submitted";

/** What never begins leaves nothing in the store, and is not a line here. */
function logOfRun({ say, context }: Voice, { chain, run }: Parameters<ObserveRun>[0]): RunObserver {
  let bound: object | undefined;
  return {
    begun(epoch) {
      bound = { ...origin(context()), chain, run };
      say("info", { ...bound, epoch }, epoch === 1 ? "Run is started" : "Run is resumed");
    },
    within: (fn) => fn(),
    ended({ error, costs }) {
      const whose = bound;
      if (!whose) return;
      sayEnd(say, "Run", whose, error);
      afterwards(costs, (costs) => {
        const known = costs.flatMap((cost) => ("nanoUsd" in cost ? [cost.nanoUsd] : []));
        const money = {
          cost_nano_usd: known.reduce((sum, nanoUsd) => sum + nanoUsd, 0),
          calls: costs.length,
          unknown: costs.length - known.length,
        };
        say("debug", { ...whose, ...money }, "Run is settled");
      });
    },
  };
}

function sayEnd(say: Say, what: string, details: object, error: unknown, isHandedOver?: boolean): void {
  const state = stateOf(error, isHandedOver);
  const facts = error === undefined ? {} : { err: failureFacts(error) };
  const level = error === undefined || isWanted(state) ? "info" : "error";
  say(level, { ...details, state, ...facts }, `${what} is ${state}`);
}

const origin = (context: Whose | undefined) => ({
  app: context?.app,
  job_id: context?.jobId,
  request: context?.request,
  chain: context?.chain,
  run: context?.run,
});

const withoutGaps = (details: object): object =>
  Object.fromEntries(Object.entries(details).filter(([, value]) => value !== undefined));
