import type { Attributes, Context, Span, SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { OWN_TAGS } from "../attribution/tags.ts";
import { asyncContext } from "../base/async-context.ts";
import type { Clock } from "../base/clock.ts";
import { VERSION } from "../base/version.ts";
import type { CallInfo } from "../calls/enclosing-run.ts";
import type { CallObserver, ObserveCall } from "../calls/observer.ts";
import type { ObserveRun, RunObserver } from "../chain/observer.ts";
import type { Cost } from "../money/cost.ts";
import { classOf, codeOf, type EndState, isWanted, stateOf } from "./failure.ts";
import { afterwards } from "./guarded.ts";
import { type OpenTelemetry, openTelemetry, withSpan } from "./open-telemetry.ts";
import type { Whose } from "./whose.ts";

export interface SpansOptions {
  readonly clock: Clock;
  readonly context: () => Whose | undefined;
}

export interface Spans {
  readonly call: ObserveCall;
  readonly run: ObserveRun;
}

/** The run that the current code belongs to, where the program has no context manager of OpenTelemetry's. */
const currentRun = asyncContext<Span>("span");

interface Recorder extends Pick<SpansOptions, "context"> {
  readonly now: () => Date;
}

/** A span for each call and each execution of a run. They hold facts and money, never a payload or a message. */
export function createSpans({ clock, context }: SpansOptions): Spans {
  const recorder = { context, now: () => new Date(clock.now()) };
  return {
    call(call) {
      const api = openTelemetry();
      return api && spanOfCall(api, recorder, call);
    },
    run(run) {
      const api = openTelemetry();
      return api ? spanOfRun(api, recorder, run) : { begun() {}, within: (fn) => fn(), ended() {} };
    },
  };
}

function spanOfCall(
  api: OpenTelemetry,
  { context, now }: Recorder,
  { id, endpoint, step }: CallInfo,
): CallObserver | undefined {
  const attributes = {
    // https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
    "gen_ai.operation.name": "generate_content",
    "gen_ai.provider.name": "fal",
    "gen_ai.request.model": endpoint,
    "fal_chain.endpoint": endpoint,
    "fal_chain.call": id,
    "fal_chain.step": step,
  };
  const options = { kind: CLIENT, startTime: now(), attributes };
  const span = tracerOf(api).startSpan(`generate_content ${endpoint}`, options, parentOf(api));
  if (!span.isRecording()) return undefined;
  span.setAttributes(origin(context()));
  let isReused = false;

  return {
    sending() {},
    event(event) {
      const at = new Date(event.at);
      switch (event.type) {
        case "submitted":
        case "reused":
          isReused = event.type === "reused";
          span.setAttributes({
            "gen_ai.response.id": event.requestId,
            "fal_chain.request_id": event.requestId,
            "fal_chain.reused": isReused,
            ...tagAttributes(event.tags),
          });
          return;
        case "queued":
          span.addEvent("queued", { "fal_chain.position": event.position }, at);
          return;
        case "running":
          span.addEvent("running", {}, at);
          return;
        case "retrying":
          return;
        case "completed":
          span.setAttributes({ "fal_chain.units": event.result.billing.units });
      }
    },
    ended({ error, cost, isHandedOver }) {
      const at = now();
      noteEnd(span, stateOf(error, isHandedOver), error, at);
      // What was reused is on the span of the call that paid for it.
      const paid = isReused ? undefined : cost;
      afterwards(Promise.resolve(paid), (cost) => {
        if (cost) span.setAttributes(costAttributes(cost));
        span.end(at);
      });
    },
  };
}

function spanOfRun(
  api: OpenTelemetry,
  { context, now }: Recorder,
  { chain, run, tags }: Parameters<ObserveRun>[0],
): RunObserver {
  const attributes = {
    ...origin(context()),
    ...tagAttributes(tags),
    "fal_chain.chain": chain,
    "fal_chain.run": run,
  };
  const span = tracerOf(api).startSpan(
    `chain ${chain}`,
    { kind: INTERNAL, startTime: now(), attributes },
    parentOf(api),
  );

  return {
    begun: (epoch) => void span.setAttribute("fal_chain.epoch", epoch),
    within: (fn) => currentRun.run(span, () => api.within(span, fn)),
    ended({ error, costs }) {
      const at = now();
      noteEnd(span, stateOf(error), error, at);
      afterwards(costs, (costs) => {
        const known = costs.flatMap((cost) => ("nanoUsd" in cost ? [cost.nanoUsd] : []));
        span.setAttributes({
          "fal_chain.total.nano_usd": known.reduce((sum, nanoUsd) => sum + nanoUsd, 0),
          "fal_chain.total.calls": costs.length,
          "fal_chain.total.unknown": costs.length - known.length,
        });
        span.end(at);
      });
    },
  };
}

// As the API numbers them, whose values are not ours to import.
const INTERNAL: SpanKind.INTERNAL = 0;
const CLIENT: SpanKind.CLIENT = 2;
const ERROR: SpanStatusCode.ERROR = 2;

/** Asked each time: the program may register its provider after the first call. */
const tracerOf = (api: OpenTelemetry) => api.tracer("fal-chain", VERSION);

function parentOf(api: OpenTelemetry): Context {
  const active = api.active();
  const run = currentRun.get();
  return run && !api.spanOf(active) ? withSpan(active, run) : active;
}

/** By class and code only: a message may quote what somebody sent. */
function noteEnd(span: Span, state: EndState, error: unknown, at: Date): void {
  span.setAttribute("fal_chain.state", state);
  if (error === undefined || isWanted(state)) return;
  const code = codeOf(error);
  span.setAttribute("error.type", code);
  span.setStatus({ code: ERROR, message: code });
  span.addEvent("exception", { "exception.type": classOf(error), "fal_chain.error.code": code }, at);
}

const costAttributes = (cost: Cost): Attributes => ({
  "fal_chain.cost.source": cost.source,
  ...("nanoUsd" in cost && { "fal_chain.cost.nano_usd": cost.nanoUsd }),
});

const origin = (context: Whose | undefined): Attributes => ({
  "fal_chain.app": context?.app,
  "fal_chain.job_id": context?.jobId,
  "fal_chain.request": context?.request,
  "fal_chain.chain": context?.chain,
  "fal_chain.run": context?.run,
});

/** The user's own tags. */
const tagAttributes = (tags: Readonly<Record<string, string>>): Attributes =>
  Object.fromEntries(
    Object.entries(tags).flatMap(([name, value]) =>
      OWN_TAGS.some((own) => own === name) ? [] : [[`fal_chain.tag.${name}`, value]],
    ),
  );
